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
)

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

	Restarts int `json:"restarts,omitempty"` // how often its policy has started it again since a person did
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

	// Restarting is one whose command has ended, and whose supervisor waits to
	// start it again.
	Restarting = "restarting"
)

// State is how a container stood when its record was last written. A record
// that says running or restarting is believed only while its supervisor lives.
type State struct {
	Status   string    `json:"status"`
	ExitCode int       `json:"exit_code"`
	Error    string    `json:"error,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	Boot     string    `json:"boot,omitempty"` // the boot it was started in
	Paused   bool      `json:"-"`              // it runs, and stands still; no record says so
}

// Up says that it runs, or will again without anybody's doing.
func (st State) Up() bool { return st.Status == Running || st.Status == Restarting }

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
// the moment that its record is written, it has that one and not the old; when
// it can't be written, it has the old one.
func (h *Held) Rename(c *Container, name string) error {
	old := c.Name
	c.Name = name
	c.Schema = schema
	if err := write(h.dirs.containerFile(c.ID), c); err != nil {
		c.Name = old
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
