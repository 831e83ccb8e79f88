package state_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/minibridge/minibridge/internal/state"
)

func TestNames(t *testing.T) {
	t.Parallel()
	d := folders(t)
	h := lock(t, d)
	c := container()
	take := func(name, id string, want error) {
		t.Helper()
		if err := h.TakeName(name, id); !errors.Is(err, want) {
			t.Errorf("%s for %s: %v, not %v", name, state.ShortID(id), err, want)
		}
	}
	take("web", webID, nil)
	if err := h.WriteContainer(c); err != nil {
		t.Fatal(err)
	}
	take("web", dbID, fs.ErrExist)
	take("db", dbID, nil) // and its maker is killed
	take("db", netID, nil)
	take("db", dbID, nil)
	if err := h.SweepNames(); err != nil {
		t.Fatal(err)
	}
	if names, err := os.ReadDir(filepath.Join(d.Root, "names")); err != nil || len(names) != 1 || names[0].Name() != "web" {
		t.Errorf("%v, %v", names, err)
	}
	if got, err := d.ContainerByName("web"); err != nil || got.ID != webID {
		t.Errorf("%v, %v", got, err)
	}
	stranger := *c
	stranger.ID = dbID
	if err := h.RemoveContainer(&stranger); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ContainerByName("web"); err != nil {
		t.Errorf("the name went with a container that hasn't got it: %v", err)
	}
	for range 2 {
		if err := h.RemoveContainer(c); err != nil {
			t.Fatal(err)
		}
	}
	take("web", dbID, nil)
}

// A name whose record can't be read stays its container's.
func TestTheNameOfAnUnreadableRecordIsTaken(t *testing.T) {
	t.Parallel()
	d := folders(t)
	h := lock(t, d)
	if err := errors.Join(h.TakeName("web", webID), h.WriteContainer(container())); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(d.Container(webID), "container.json"), "{")
	if err := h.TakeName("web", dbID); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	if err := h.SweepNames(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(d.Root, "names", "web")); err != nil {
		t.Error(err)
	}
}
