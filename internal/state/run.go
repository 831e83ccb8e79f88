package state

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// Run is a running container: what the kernel has of it. It goes when the
// container ends, or with the machine.
type Run struct {
	head
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	SandboxID  string            `json:"sandbox_id"`         // 64 hex digits
	Netns      string            `json:"netns,omitempty"`    // name of its own network namespace
	Joined     string            `json:"joined,omitempty"`   // id of the container whose namespace it shares
	Hostname   string            `json:"hostname,omitempty"` // the one it shares, or ""
	Supervisor Process           `json:"supervisor"`
	Init       Process           `json:"-"` // the command, in a file of its own; zero until it was executed
	Endpoints  []Attachment      `json:"endpoints,omitempty"`
	DNS        uint16            `json:"dns,omitempty"`    // the port that its name server listens on, in its namespace; 0 = it has none
	Resolv     string            `json:"resolv,omitempty"` // digest of the resolv.conf that it was given
	Ports      []Port            `json:"ports,omitempty"`
	Sysctls    map[string]string `json:"sysctls,omitempty"` // of its network namespace
	Before     *State            `json:"before,omitempty"`  // how its container stood, and will again if it can't be started; nil = then it goes
	Backoff    time.Duration     `json:"backoff,omitempty"` // how long its supervisor waited to start it, by its policy; 0 = a person did
	Resting    bool              `json:"resting,omitempty"` // its command has ended, and its supervisor waits to start it again: the kernel has nothing of it
	End        *End              `json:"end,omitempty"`     // it has ended, which its container's record can't say yet; the kernel has nothing of it
}

// End is how a container has ended, and what it had then.
type End struct {
	State State `json:"state"`
	Last  Last  `json:"last,omitzero"`
}

// Wired are the endpoints that have a link: those on host and none don't.
func (r *Run) Wired() []Attachment {
	var wired []Attachment
	for _, at := range r.Endpoints {
		if at.Dev != "" {
			wired = append(wired, at)
		}
	}
	return wired
}

// Process is a process that can't be mistaken for a later one with its pid.
type Process struct {
	Pid   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks after boot, /proc/PID/stat field 22
}

// Attachment is a container's endpoint on one network. On host and none it has
// an id and nothing else.
type Attachment struct {
	NetworkID  string       `json:"network_id"`
	Network    string       `json:"network"`
	EndpointID string       `json:"endpoint_id"`    // 64 hex digits
	Veth       string       `json:"veth,omitempty"` // the host's end
	Dev        string       `json:"dev,omitempty"`  // the container's end
	MAC        MAC          `json:"mac,omitempty"`
	Address    netip.Prefix `json:"address,omitzero"`
	Gateway    netip.Addr   `json:"gateway,omitzero"` // none on an internal network
	Address6   netip.Prefix `json:"address6,omitzero"`
	Gateway6   netip.Addr   `json:"gateway6,omitzero"`
	Priority   int          `json:"priority,omitempty"` // the highest gives the default route
	Aliases    []string     `json:"aliases,omitempty"`  // those that a person gave
	Names      []string     `json:"names,omitempty"`    // by which its peers find it, the container's own first
}

// Addresses are those that the endpoint has, IPv4 first.
func (at *Attachment) Addresses() (all []netip.Addr) {
	for _, p := range []netip.Prefix{at.Address, at.Address6} {
		if p.IsValid() {
			all = append(all, p.Addr())
		}
	}
	return all
}

// MAC is a hardware address that reads as one in JSON.
type MAC net.HardwareAddr

// MarshalText writes 02:42:ac:11:00:02.
func (m MAC) MarshalText() ([]byte, error) { return []byte(net.HardwareAddr(m).String()), nil }

// UnmarshalText reads the same.
func (m *MAC) UnmarshalText(b []byte) error {
	mac, err := net.ParseMAC(string(b))
	*m = MAC(mac)
	return err
}

func (m MAC) String() string { return net.HardwareAddr(m).String() }

// Port is a published port, or a range of Count ports.
type Port struct {
	HostIP   netip.Addr `json:"host_ip"` // 0.0.0.0 = every address of the host
	HostPort uint16     `json:"host_port"`
	Port     uint16     `json:"port"` // the container's
	Count    int        `json:"count"`
	Proto    string     `json:"proto"`
}

// WriteRun writes a running container down.
func (h *Held) WriteRun(r *Run) error {
	r.Schema = schema
	return write(h.dirs.runFile(r.ID), r)
}

// RemoveRun forgets that a container ran.
func (h *Held) RemoveRun(id string) error { return os.RemoveAll(h.dirs.Running(id)) }

// ReadRun reads a running container. fs.ErrNotExist means that it isn't.
func (d Dirs) ReadRun(id string) (*Run, error) {
	r, err := d.readRunFile(id)
	if err != nil || r.Resting || r.End != nil {
		return r, err
	}
	if r.Init, err = d.ReadInit(id); err != nil {
		return nil, err
	}
	return r, nil
}

func (d Dirs) readRunFile(id string) (*Run, error) {
	r := &Run{}
	if err := read(d.runFile(id), r); err != nil {
		return nil, err
	}
	if r.ID != id || r.Name == "" || r.Resting && r.Before == nil {
		return nil, &RecordError{File: d.runFile(id), Err: fmt.Errorf("not a running container's: id %q, name %q", r.ID, r.Name)}
	}
	return r, nil
}

// ReadSupervisor reads which process a container's supervisor is, whether or not
// the rest of its run can be read.
func (d Dirs) ReadSupervisor(id string) (Process, error) {
	r, err := d.readRunFile(id)
	if err != nil {
		return Process{}, err
	}
	return r.Supervisor, nil
}

// ReadInit reads which process a container's command is; zero until it was
// executed.
func (d Dirs) ReadInit(id string) (p Process, err error) {
	if err := read(d.initFile(id), &p); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Process{}, err
	}
	return p, nil
}

// HasInit says whether there is a record of a container's command.
func (d Dirs) HasInit(id string) bool {
	_, err := os.Lstat(d.initFile(id))
	return err == nil
}

// HasRun says whether there is a record of a container's run.
func (d Dirs) HasRun(id string) bool {
	_, err := os.Lstat(d.runFile(id))
	return err == nil
}

// RunningIDs lists the containers that run, or ran when their supervisor died.
func (d Dirs) RunningIDs() ([]string, error) { return list(filepath.Join(d.Run, "containers")) }

// Runs reads all of them.
func (d Dirs) Runs() ([]*Run, error) {
	ids, err := d.RunningIDs()
	if err != nil {
		return nil, err
	}
	return d.RunsOf(ids)
}

// RunsOf reads those of the containers that have one.
func (d Dirs) RunsOf(ids []string) ([]*Run, error) {
	var all []*Run
	var errs []error
	for _, id := range ids {
		r, err := d.ReadRun(id)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			errs = append(errs, err)
		default:
			all = append(all, r)
		}
	}
	return all, errors.Join(errs...)
}

// WriteInit writes down which process a container's command is. Only its
// supervisor does, once, and needs no lock for it.
func (d Dirs) WriteInit(id string, p Process) error {
	return write(d.initFile(id), struct {
		head
		Process
	}{head{schema}, p})
}

// Rest writes down that a container rests: run is of its supervisor alone. What
// its command was is forgotten, and its socket stays.
func (h *Held) Rest(r *Run) error {
	r.Resting = true
	if err := h.WriteRun(r); err != nil {
		return err
	}
	for _, file := range []string{h.dirs.initFile(r.ID), h.dirs.movingFile(r.ID)} {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// MarkMoving marks a running container as being moved between networks, for
// who comes after a verb that was killed meanwhile.
func (h *Held) MarkMoving(id string) error {
	f, err := Open(h.dirs.movingFile(id), os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	return f.Close()
}

// ClearMoving takes the mark away.
func (h *Held) ClearMoving(id string) error { return os.Remove(h.dirs.movingFile(id)) }

// Moving says whether it is marked.
func (d Dirs) Moving(id string) bool {
	_, err := os.Stat(d.movingFile(id))
	return err == nil
}
