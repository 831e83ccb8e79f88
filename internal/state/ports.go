package state

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// lastPorts remembers, for each pool that host ports are taken from, the one
// that was given last: the next is the one after it, so that a port just
// freed isn't somebody else's at once.
type lastPorts struct {
	head
	Last map[string]uint16 `json:"last"` // by pool: "tcp", "tcp/8080-8083"
}

// LastPort is the port given last from a pool; 0 if none was.
func (d Dirs) LastPort(pool string) (uint16, error) {
	l, err := d.lastPorts()
	return l.Last[pool], err
}

// LastPort is that of its folders.
func (h *Held) LastPort(pool string) (uint16, error) { return h.dirs.LastPort(pool) }

// SetLastPort remembers it.
func (h *Held) SetLastPort(pool string, port uint16) error {
	l, err := h.dirs.lastPorts()
	if err != nil {
		return err
	}
	if l.Last == nil {
		l.Last = make(map[string]uint16)
	}
	l.Last[pool], l.Schema = port, schema
	return write(filepath.Join(h.dirs.Run, "ports.json"), l)
}

func (d Dirs) lastPorts() (lastPorts, error) {
	var l lastPorts
	err := read(filepath.Join(d.Run, "ports.json"), &l)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	return l, err
}
