package state_test

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/minibridge/minibridge/internal/state"
)

const (
	webID = "c0ffee0000000000000000000000000000000000000000000000000000000001"
	dbID  = "c0ffee0000000000000000000000000000000000000000000000000000000002"
	netID = "5f0c1b2a3d4e0000000000000000000000000000000000000000000000000000"
)

func container() *state.Container {
	return &state.Container{
		ID: webID, Name: "web", Created: time.Date(2026, 11, 25, 18, 52, 59, 123456789, time.UTC),
		Spec: state.Spec{
			Args: []string{"sh", "-c", "echo <\"&'\x01"}, Env: []string{"A=", "B=ä"}, Network: "bridge",
			Endpoints: []state.Wish{{Network: "bridge", Aliases: []string{"db"}, MAC: "02:00:00:00:00:01", Priority: -1}},
			Volumes:   []state.Volume{{Source: "/srv", Target: "/data", ReadOnly: true}},
			Publish:   []string{"8080:80", "9000-9001:9000-9001/udp"}, Labels: map[string]string{"a.b": "c"}, Detach: true,
			Restart: state.Restart{Policy: state.RestartOnFailure, Retries: 2}, StopSignal: "usr1", StopTimeout: new(int),
		},
		Restarts: 2,
		State:    state.State{Status: state.Exited, ExitCode: 137, Error: "killed", Boot: "b"},
	}
}

func network() *state.Network {
	return &state.Network{
		ID: netID, Name: "bridge", Driver: "bridge", Bridge: "minibr0",
		Subnet: netip.MustParsePrefix("172.17.0.0/16"), Gateway: netip.MustParseAddr("172.17.0.1"),
	}
}

func running() *state.Run {
	return &state.Run{
		ID: webID, Name: "web", SandboxID: dbID, Netns: "web", Supervisor: state.Process{Pid: 4711, Start: 1 << 60},
		Endpoints: []state.Attachment{{
			NetworkID: netID, Network: "bridge", EndpointID: dbID, Veth: "mbv00000001", Dev: "eth0",
			MAC: state.MAC{2, 0x42, 172, 17, 0, 2}, Address: netip.MustParsePrefix("172.17.0.2/16"), Gateway: netip.MustParseAddr("172.17.0.1"),
		}},
		Ports: []state.Port{{HostIP: netip.IPv4Unspecified(), HostPort: 8080, Port: 80, Count: 1, Proto: "tcp"}},
	}
}

// A record is one kind of file: how it is written, and read.
type record struct {
	file  func(state.Dirs) string
	write func(*state.Held) error
	read  func(state.Dirs, *state.Held) (any, error)
	want  any
}

func records() map[string]record {
	c, n, r := container(), network(), running()
	return map[string]record{
		"container": {
			file:  func(d state.Dirs) string { return filepath.Join(d.Container(webID), "container.json") },
			write: func(h *state.Held) error { return h.WriteContainer(c) },
			read:  func(d state.Dirs, _ *state.Held) (any, error) { return d.ReadContainer(webID) },
			want:  c,
		},
		"network": {
			file:  func(d state.Dirs) string { return filepath.Join(d.Root, "networks", netID+".json") },
			write: func(h *state.Held) error { return h.WriteNetwork(n) },
			read:  func(d state.Dirs, _ *state.Held) (any, error) { return d.Networks() },
			want:  []*state.Network{n},
		},
		"run": {
			file:  func(d state.Dirs) string { return filepath.Join(d.Running(webID), "run.json") },
			write: func(h *state.Held) error { return h.WriteRun(r) },
			read:  func(d state.Dirs, _ *state.Held) (any, error) { return d.ReadRun(webID) },
			want:  r,
		},
		"ports": {
			file:  func(d state.Dirs) string { return filepath.Join(d.Run, "ports.json") },
			write: func(h *state.Held) error { return h.SetLastPort("tcp", 32768) },
			read:  func(_ state.Dirs, h *state.Held) (any, error) { return h.LastPort("tcp") },
			want:  uint16(32768),
		},
		"firewall": {
			file:  func(d state.Dirs) string { return filepath.Join(d.Run, "firewall.json") },
			write: func(h *state.Held) error { return h.SetFirewall("nftables") },
			read:  func(d state.Dirs, _ *state.Held) (any, error) { return d.Firewall() },
			want:  "nftables",
		},
	}
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	for name, r := range records() {
		d := folders(t)
		h := lock(t, d)
		if err := r.write(h); err != nil {
			t.Fatal(err)
		}
		got, err := r.read(d, h)
		if err != nil || !reflect.DeepEqual(got, r.want) {
			t.Errorf("%s: %+v, %v; not %+v", name, got, err, r.want)
		}
		text := content(t, r.file(d))
		if !strings.HasPrefix(text, "{\n    \"schema\": 1,\n") || !strings.HasSuffix(text, "\n}\n") {
			t.Errorf("%s is not for a person to read:\n%s", name, text)
		}
		info, err := os.Stat(r.file(d))
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v: %v", name, info.Mode(), err)
		}
		if beside, err := os.ReadDir(filepath.Dir(r.file(d))); err != nil || len(beside) > 8 {
			t.Errorf("%s: something is left beside it: %v, %v", name, beside, err)
		}
	}
}

// Fields that this version doesn't know are of a version that only adds some.
func TestUnknownFieldsAreNoObstacle(t *testing.T) {
	t.Parallel()
	for name, r := range records() {
		d := folders(t)
		h := lock(t, d)
		if err := r.write(h); err != nil {
			t.Fatal(err)
		}
		write(t, r.file(d), strings.Replace(content(t, r.file(d)), "{", `{"mood": {"is": ["good"]},`, 1))
		got, err := r.read(d, h)
		if err != nil || !reflect.DeepEqual(got, r.want) {
			t.Errorf("%s: %+v, %v; not %+v", name, got, err, r.want)
		}
	}
}

func TestARecordThatNamesNoEndpointsHasTheOneOnItsNetwork(t *testing.T) {
	t.Parallel()
	for network, want := range map[string][]state.Wish{
		"bridge":                                {{Network: "bridge"}},
		"none":                                  {{Network: "none"}},
		"container:" + strings.Repeat("c0", 32): nil,
	} {
		d := folders(t)
		h := lock(t, d)
		c := &state.Container{ID: strings.Repeat("a0", 32), Name: "web", Spec: state.Spec{Args: []string{"true"}, Network: network}}
		if err := h.WriteContainer(c); err != nil {
			t.Fatal(err)
		}
		got, err := d.ReadContainer(c.ID)
		if err != nil || !reflect.DeepEqual(got.Spec.Endpoints, want) {
			t.Errorf("%s: %+v, %v", network, got, err)
		}
	}
}

func TestTheCommandsProcessIsWrittenApart(t *testing.T) {
	t.Parallel()
	d := folders(t)
	h := lock(t, d)
	if err := h.WriteRun(running()); err != nil {
		t.Fatal(err)
	}
	p := state.Process{Pid: 4712, Start: 1<<60 + 1}
	if err := d.WriteInit(webID, p); err != nil {
		t.Fatal(err)
	}
	r, err := d.ReadRun(webID)
	if err != nil || r.Init != p {
		t.Errorf("%+v, %v", r, err)
	}
	if err := h.RemoveRun(webID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ReadRun(webID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it runs on: %v", err)
	}
}

// One that rests has no process, whatever was written down for its last round.
func TestARunThatRests(t *testing.T) {
	t.Parallel()
	d := folders(t)
	h := lock(t, d)
	r := running()
	err := errors.Join(h.WriteRun(r), d.WriteInit(webID, state.Process{Pid: 4712, Start: 1}), h.MarkMoving(webID))
	if err != nil {
		t.Fatal(err)
	}
	r.Resting, r.Before, r.Backoff = true, &state.State{Status: state.Exited, ExitCode: 3}, time.Second
	if err := h.WriteRun(r); err != nil { // as after a kill in the middle
		t.Fatal(err)
	}
	if got, err := d.ReadRun(webID); err != nil || got.Init != (state.Process{}) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := h.Rest(r); err != nil {
		t.Fatal(err)
	}
	if got, err := d.ReadRun(webID); err != nil || !reflect.DeepEqual(got, r) || d.Moving(webID) {
		t.Errorf("%+v, %v", got, err)
	}
	r.Resting = false
	if err := h.WriteRun(r); err != nil {
		t.Fatal(err)
	}
	if got, err := d.ReadRun(webID); err != nil || got.Init != (state.Process{}) {
		t.Errorf("the next round has the process of the last: %+v, %v", got, err)
	}
	r.Before = nil
	if err := h.Rest(r); err != nil {
		t.Fatal(err)
	}
	if _, ok := errors.AsType[*state.RecordError](second(d.ReadRun(webID))); !ok {
		t.Error("a record that doesn't say how it ended is believed")
	}
}

func second[T any](_ T, err error) error { return err }

func TestTheFoldersAreRootsAlone(t *testing.T) {
	t.Parallel()
	d := folders(t)
	for _, dir := range []string{d.Root, d.Run} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", dir, info.Mode(), err)
		}
	}
}
