package state_test

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/minibridge/minibridge/internal/state"
)

func asking(id, name string, wishes ...state.Wish) *state.Container {
	return &state.Container{ID: id, Name: name, Spec: state.Spec{Args: []string{"true"}, Network: "lab", Endpoints: wishes}}
}

// An address is kept for the container that asked first, until it asks no more
// or is gone.
func TestKeptAddresses(t *testing.T) {
	t.Parallel()
	dirs := state.Dirs{Root: t.TempDir(), Run: t.TempDir()}
	h, err := state.Lock(t.Context(), dirs, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	kept := func(network string, want map[string]string) {
		t.Helper()
		have, err := dirs.Kept(network)
		named := make(map[string]string)
		for addr, id := range have {
			named[addr.String()] = id
		}
		if err != nil || !maps.Equal(named, want) {
			t.Errorf("kept on %s: %v, not %v: %v", network, named, want, err)
		}
	}
	write := func(c *state.Container) {
		t.Helper()
		if err := h.WriteContainer(c); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(c *state.Container) {
		t.Helper()
		if err := h.RemoveContainer(c); err != nil {
			t.Fatal(err)
		}
	}
	kept("lab", nil)
	web := asking(webID, "web", state.Wish{Network: "lab", IP: "10.0.0.9", IP6: "FD00::09"}, state.Wish{Network: "bridge"})
	db := asking(dbID, "db", state.Wish{Network: "lab", IP: "10.0.0.9"}, state.Wish{Network: "other", IP: "10.0.0.9"})
	write(web)
	write(db)
	kept("lab", map[string]string{"10.0.0.9": webID, "fd00::9": webID})
	kept("other", map[string]string{"10.0.0.9": dbID})
	kept("bridge", nil)

	web.Spec.Endpoints = web.Spec.Endpoints[1:]
	write(web)
	kept("lab", nil)
	write(db)
	kept("lab", map[string]string{"10.0.0.9": dbID})

	// Nobody knows whether a record that can't be read wants it.
	file := filepath.Join(dirs.Container(dbID), "container.json")
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	kept("lab", map[string]string{"10.0.0.9": dbID})
	remove(db)
	remove(web)
	kept("lab", nil)
	if left, err := filepath.Glob(filepath.Join(dirs.Root, "addresses", "*")); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := h.Unlock(true); err != nil {
		t.Fatal(err)
	}
}

// A name is a container's when its record says so: wherever a rename is cut
// short, the container has one name, and the other is free.
func TestAContainerHasOneName(t *testing.T) {
	t.Parallel()
	dirs := state.Dirs{Root: t.TempDir(), Run: t.TempDir()}
	h, err := state.Lock(t.Context(), dirs, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	has := func(name string, want bool) {
		t.Helper()
		if _, err := dirs.ContainerByName(name); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c := asking(webID, "web")
	do(h.TakeName("web", webID))
	do(h.WriteContainer(c))
	do(h.TakeName("site", webID))
	has("web", true)
	has("site", false)
	do(h.SweepNames())
	do(h.TakeName("site", dbID)) // free for another one
	do(h.FreeName("site", dbID))
	do(h.TakeName("site", webID))
	do(h.Rename(c, "site"))
	has("site", true)
	has("web", false)
	do(h.TakeName("web", dbID))
	do(h.Unlock(true))
}
