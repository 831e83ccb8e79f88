package state_test

import (
	"net/netip"
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
