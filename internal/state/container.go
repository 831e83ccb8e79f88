package state

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
)

// Spec is what a person asked for: all that is needed to start a container
// again. Ports are kept as Docker's -p and --expose take them.
type Spec struct {
	Args        []string          `json:"args"`
	Entrypoint  string            `json:"entrypoint,omitempty"` // the first of Args, if it came by --entrypoint
	Env         []string          `json:"env,omitempty"`        // NAME=value, as -e and --env-file gave them
	Dir         string            `json:"dir,omitempty"`        // working directory; "" = / with --rootfs, else where run was called
	CallerDir   string            `json:"caller_dir,omitempty"`
	User        string            `json:"user,omitempty"` // user[:group], names or numbers
	Hostname    string            `json:"hostname,omitempty"`
	RootFS      string            `json:"rootfs,omitempty"` // absolute; "" = the host's own root, copy-on-write
	Volumes     []Volume          `json:"volumes,omitempty"`
	Mounts      []Mount           `json:"mounts,omitempty"`
	Tmpfs       map[string]string `json:"tmpfs,omitempty"`     // --tmpfs: options by directory, as given
	ReadOnly    bool              `json:"read_only,omitempty"` // the root file system
	CapAdd      []string          `json:"cap_add,omitempty"`
	CapDrop     []string          `json:"cap_drop,omitempty"`
	Privileged  bool              `json:"privileged,omitempty"`
	SecurityOpt []string          `json:"security_opt,omitempty"` // as given; of a seccomp profile its content
	Ulimits     []units.Ulimit    `json:"ulimits,omitempty"`      // by name
	Init        *bool             `json:"init,omitempty"`         // an init of ours is PID 1; nil = not said
	PidMode     string            `json:"pid_mode,omitempty"`     // host, container:ID; "" = its own
	UTSMode     string            `json:"uts_mode,omitempty"`     // likewise
	IpcMode     string            `json:"ipc_mode,omitempty"`     // none, private, shareable, host, container:ID; "" = private
	LogDriver   string            `json:"log_driver,omitempty"`   // none = it has no log
	LogOpts     map[string]string `json:"log_opts,omitempty"`
	Network     string            `json:"network"`   // where it was made: bridge, none, host, container:ID, or the first network's name
	Endpoints   []Wish            `json:"endpoints"` // in the order of connecting; none when it shares another container's
	Domainname  string            `json:"domainname,omitempty"`
	Sysctls     map[string]string `json:"sysctls,omitempty"` // of its namespaces, as sysctl(8) names them
	DNS         []string          `json:"dns,omitempty"`     // name servers in the place of the host's
	DNSSearch   []string          `json:"dns_search,omitempty"`
	DNSOptions  []string          `json:"dns_options,omitempty"`
	ExtraHosts  []string          `json:"extra_hosts,omitempty"` // NAME:ADDRESS, or NAME:host-gateway
	Publish     []string          `json:"publish,omitempty"`
	PublishAll  bool              `json:"publish_all,omitempty"`
	Expose      []string          `json:"expose,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	AutoRemove  bool              `json:"auto_remove,omitempty"`
	OpenStdin   bool              `json:"open_stdin,omitempty"`
	Tty         bool              `json:"tty,omitempty"` // its streams are one terminal
	Detach      bool              `json:"detach,omitempty"`
	Attach      []string          `json:"attach,omitempty"` // what the one who runs it gets: stdin, stdout, stderr; none = as -i and -d say
	CIDFile     string            `json:"cidfile,omitempty"`
}

// A Wish is what a person asked of a container's endpoint on one network. What
// is empty is left to choice.
type Wish struct {
	Network    string            `json:"network"`           // its name
	Aliases    []string          `json:"aliases,omitempty"` // more names for the container, on a network that people made
	IP         string            `json:"ip,omitempty"`
	IP6        string            `json:"ip6,omitempty"`
	MAC        string            `json:"mac,omitempty"`
	Priority   int               `json:"priority,omitempty"` // the highest gives the default route
	DriverOpts map[string]string `json:"driver_opts,omitempty"`
	Connected  bool              `json:"connected,omitempty"` // it came later than the container
}

// Volume is one -v.
type Volume struct {
	Source   string `json:"source"` // absolute, on the host
	Target   string `json:"target"` // absolute, in the container
	ReadOnly bool   `json:"read_only,omitempty"`
}

// Types of mounts.
const (
	BindMount  = "bind"
	TmpfsMount = "tmpfs"
)

// Mount is one --mount.
type Mount struct {
	Type        string `json:"type"`
	Source      string `json:"source,omitempty"` // absolute, on the host; a bind has one
	Target      string `json:"target"`           // absolute, in the container
	ReadOnly    bool   `json:"read_only,omitempty"`
	Consistency string `json:"consistency,omitempty"` // says nothing on Linux
	Propagation string `json:"propagation,omitempty"`
	Recursive   string `json:"recursive,omitempty"` // of a bind: "", disabled, writable, readonly
	Size        int64  `json:"size,omitempty"`      // of a tmpfs, in bytes
	Mode        uint32 `json:"mode,omitempty"`      // of a tmpfs; 0 = 1777, as with Docker
}

// Container is a container's definition, and how it stands when it is not
// running.
type Container struct {
	head
	ID      string    `json:"id"` // 64 hex digits
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Spec    Spec      `json:"spec"`
	State   State     `json:"state"`
	Last    Last      `json:"last,omitzero"`
}

// Last is what a container had when it ran last, and gets again where it is
// free.
type Last struct {
	Addresses map[string][]netip.Addr `json:"addresses,omitempty"` // by network id
	Ports     []Port                  `json:"ports,omitempty"`
}

// ShortID is the first 12 digits of an id, as people type it.
func ShortID(id string) string { return id[:min(12, len(id))] }

// Status words are Docker's.
const (
	Created = "created"
	Running = "running"
	Paused  = "paused"
	Exited  = "exited"
)

// State is how a container stood when its record was last written. A record
// that says running is believed only while its supervisor lives.
type State struct {
	Status   string    `json:"status"`
	ExitCode int       `json:"exit_code"`
	Error    string    `json:"error,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	Boot     string    `json:"boot,omitempty"` // the boot it was started in
	Paused   bool      `json:"-"`              // it runs, and stands still; no record says so
}

// Word is Docker's for it.
func (st State) Word() string {
	if st.Paused {
		return Paused
	}
	return st.Status
}

// TakeName gives a name to a container whose record is still to be written.
// fs.ErrExist means that another has it.
func (h *Held) TakeName(name, id string) error {
	link := h.dirs.nameLink(name)
	target := filepath.Join("..", "containers", id)
	err := os.Symlink(target, link)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := h.dirs.ContainerByName(name); !errors.Is(err, fs.ErrNotExist) {
		return fs.ErrExist
	}
	// A name that no record has: its taker was killed between the two.
	return errors.Join(os.Remove(link), os.Symlink(target, link))
}

// Rename gives a container another name, which must be [Held.TakeName]'s. From
// the moment that its record is written, it has that one and not the old.
func (h *Held) Rename(c *Container, name string) error {
	old := c.Name
	c.Name = name
	if err := h.WriteContainer(c); err != nil {
		return err
	}
	return h.FreeName(old, c.ID)
}

// HasName says whether a container has that name, with a record or without.
func (d Dirs) HasName(name, id string) bool {
	target, err := os.Readlink(d.nameLink(name))
	return err == nil && filepath.Base(target) == id
}

// FreeName gives a container's name back.
func (h *Held) FreeName(name, id string) error {
	if !h.dirs.HasName(name, id) {
		return nil
	}
	return os.Remove(h.dirs.nameLink(name))
}

// SweepNames frees the names that no record has.
func (h *Held) SweepNames() error {
	names, err := list(filepath.Join(h.dirs.Root, "names"))
	for _, name := range names {
		if _, cerr := h.dirs.ContainerByName(name); errors.Is(cerr, fs.ErrNotExist) {
			err = errors.Join(err, os.Remove(h.dirs.nameLink(name)))
		}
	}
	return err
}

// WriteContainer replaces a container's record, and keeps the addresses that
// it asks for.
func (h *Held) WriteContainer(c *Container) error {
	c.Schema = schema
	if err := write(h.dirs.containerFile(c.ID), c); err != nil {
		return err
	}
	return h.keepAddresses(c)
}

// RemoveContainer removes a container's record, log and name, as far as they
// are there, and what is kept for it.
func (h *Held) RemoveContainer(c *Container) error {
	return errors.Join(h.FreeName(c.Name, c.ID), h.freeAddresses(c), os.RemoveAll(h.dirs.Container(c.ID)))
}

// ReadContainer reads one record. fs.ErrNotExist means that there is none.
func (d Dirs) ReadContainer(id string) (*Container, error) {
	c := &Container{}
	file := d.containerFile(id)
	if err := read(file, c); err != nil {
		return nil, err
	}
	if c.ID != id || c.Name == "" || len(c.Spec.Args) == 0 {
		return nil, &RecordError{File: file, Err: fmt.Errorf("not a container's: id %q, name %q, command %q", c.ID, c.Name, c.Spec.Args)}
	}
	if c.Spec.Endpoints == nil && !strings.HasPrefix(c.Spec.Network, "container:") {
		c.Spec.Endpoints = []Wish{{Network: c.Spec.Network}} // a record that says no more
	}
	return c, nil
}

// ContainerByName reads the record of the container with that name. A link
// alone makes no name: the record has to have it, too.
func (d Dirs) ContainerByName(name string) (*Container, error) {
	target, err := os.Readlink(d.nameLink(name))
	if err != nil {
		return nil, err
	}
	c, err := d.ReadContainer(filepath.Base(target))
	if err == nil && c.Name != name {
		return nil, fmt.Errorf("container %s is %s: %w", c.ID, c.Name, fs.ErrNotExist)
	}
	return c, err
}

// ContainerIDs lists the ids of all containers.
func (d Dirs) ContainerIDs() ([]string, error) { return list(filepath.Join(d.Root, "containers")) }

// Containers reads all records, newest first. Records that can't be read are
// left out, and named in the error.
func (d Dirs) Containers() ([]*Container, error) {
	ids, err := d.ContainerIDs()
	if err != nil {
		return nil, err
	}
	var all []*Container
	var errs []error
	for _, id := range ids {
		c, err := d.ReadContainer(id)
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed meanwhile
		case err != nil:
			errs = append(errs, err)
		default:
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *Container) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
	})
	return all, errors.Join(errs...)
}

// list is the names in a folder; none if there is no folder.
func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

// String is the volume as -v takes it.
func (v Volume) String() string {
	s := v.Source + ":" + v.Target
	if v.ReadOnly {
		s += ":ro"
	}
	return s
}
