package state_test

import (
	"errors"
	"io/fs"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/state"
)

// All addresses of a container are taken back at once, but not while it has a
// run.
func TestReleaseAll(t *testing.T) {
	t.Parallel()
	dirs := state.Dirs{Root: t.TempDir(), Run: t.TempDir()}
	h, err := state.Lock(t.Context(), dirs, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	leased := func(want int) {
		t.Helper()
		for _, network := range []string{"a", "b"} {
			all, err := dirs.Leases(network)
			if err != nil || len(all) != want {
				t.Errorf("network %s: %v, %v", network, all, err)
			}
		}
	}
	for i, container := range []string{"one", "two"} {
		for _, network := range []string{"a", "b"} {
			if err := h.Lease(network, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), container); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := h.WriteRun(&state.Run{ID: "one", Name: "web"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{2, 1} {
		if err := h.ReleaseAll("one"); err != nil {
			t.Fatal(err)
		}
		leased(want)
		if err := h.RemoveRun("one"); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Unlock(true); err != nil {
		t.Fatal(err)
	}
}

func TestLeases(t *testing.T) {
	t.Parallel()
	d := folders(t)
	h := lock(t, d)
	addr := netip.MustParseAddr("172.17.0.2")
	if taken, err := d.Leases(netID); err != nil || len(taken) != 0 {
		t.Errorf("before the first one: %v, %v", taken, err)
	}
	if err := h.Lease(netID, addr, webID); err != nil {
		t.Fatal(err)
	}
	if err := h.Lease(netID, addr, dbID); !errors.Is(err, fs.ErrExist) {
		t.Errorf("given twice: %v", err)
	}
	if err := h.Lease(dbID, addr, dbID); err != nil {
		t.Errorf("on another network: %v", err)
	}
	if taken, err := d.Leases(netID); err != nil || len(taken) != 1 || !taken[addr] {
		t.Errorf("%v, %v", taken, err)
	}
	if text := content(t, filepath.Join(d.Run, "leases", netID, "172.17.0.2")); text != webID+"\n" {
		t.Errorf("the lease says %q", text)
	}
	for range 2 {
		if err := h.Release(netID, addr); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Lease(netID, addr, dbID); err != nil {
		t.Errorf("after it was taken back: %v", err)
	}
	write(t, filepath.Join(d.Run, "leases", netID, "foreign"), "")
	if _, err := d.Leases(netID); err == nil || !strings.Contains(err.Error(), "foreign") {
		t.Errorf("a file that is no lease: %v", err)
	}
}
