package state

import (
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

// Network is a network's definition. Those without a subnet have no bridge.
type Network struct {
	head
	ID         string                `json:"id"` // 64 hex digits
	Name       string                `json:"name"`
	Driver     string                `json:"driver"` // bridge, host, null
	Created    time.Time             `json:"created"`
	Bridge     string                `json:"bridge,omitempty"`  // device name
	Adopted    bool                  `json:"adopted,omitempty"` // the device was there before, and is somebody else's
	Subnet     netip.Prefix          `json:"subnet,omitzero"`
	Gateway    netip.Addr            `json:"gateway,omitzero"`
	Range      netip.Prefix          `json:"range,omitzero"`   // what addresses are chosen from; the whole subnet when it is none
	Aux        map[string]netip.Addr `json:"aux,omitempty"`    // addresses set aside, by name
	Chosen     bool                  `json:"chosen,omitempty"` // the subnet was chosen, not asked for
	Subnet6    netip.Prefix          `json:"subnet6,omitzero"` // IPv6; none when the network hasn't it
	Gateway6   netip.Addr            `json:"gateway6,omitzero"`
	Range6     netip.Prefix          `json:"range6,omitzero"`
	Chosen6    bool                  `json:"chosen6,omitempty"`
	Internal   bool                  `json:"internal,omitempty"`   // no way out, no way in
	Attachable bool                  `json:"attachable,omitempty"` // said so when it was made; any network here is
	Options    map[string]string     `json:"options,omitempty"`
	Labels     map[string]string     `json:"labels,omitempty"`
}

// WriteNetwork writes a network's record.
func (h *Held) WriteNetwork(n *Network) error {
	n.Schema = schema
	return write(h.dirs.networkFile(n.ID), n)
}

// RemoveNetwork forgets a network.
func (h *Held) RemoveNetwork(id string) error {
	return errors.Join(os.Remove(h.dirs.networkFile(id)), os.RemoveAll(h.dirs.leases(id)))
}

// Networks reads all of them, in no order.
func (d Dirs) Networks() ([]*Network, error) {
	names, err := list(filepath.Join(d.Root, "networks"))
	if err != nil {
		return nil, err
	}
	var all []*Network
	for _, name := range names {
		id, ok := strings.CutSuffix(name, ".json")
		if !ok {
			continue
		}
		n := &Network{}
		if err := read(d.networkFile(id), n); err != nil {
			return nil, err
		}
		if n.ID != id || n.Name == "" {
			return nil, &RecordError{File: d.networkFile(id), Err: fmt.Errorf("not a network's: id %q, name %q", n.ID, n.Name)}
		}
		all = append(all, n)
	}
	return all, nil
}

// Lease gives an address of a network to a container. fs.ErrExist means that
// somebody has it.
func (h *Held) Lease(network string, addr netip.Addr, container string) error {
	dir := h.dirs.leases(network)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, addr.String()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(container + "\n")
	return errors.Join(err, f.Close())
}

// Release takes an address back. One that nobody has is no error.
func (h *Held) Release(network string, addr netip.Addr) error {
	return os.RemoveAll(filepath.Join(h.dirs.leases(network), addr.String()))
}

// ReleaseAll takes back the addresses of a container, unless it has a run that
// still speaks of them.
func (h *Held) ReleaseAll(container string) error {
	if _, err := os.Lstat(h.dirs.Running(container)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	files, err := h.dirs.leaseFiles(container)
	for _, file := range files {
		err = errors.Join(err, os.Remove(file))
	}
	return err
}

// leaseFiles are those of the addresses that a container has.
func (d Dirs) leaseFiles(container string) (mine []string, err error) {
	all, err := filepath.Glob(filepath.Join(d.leases("*"), "*"))
	for _, file := range all {
		b, ferr := readFile(file)
		if ferr == nil && string(trimNewline(b)) == container {
			mine = append(mine, file)
		}
		err = errors.Join(err, ferr)
	}
	return mine, err
}

// LeasedBy lists the addresses that a container has, on any network.
func (d Dirs) LeasedBy(container string) (addrs []netip.Addr, err error) {
	files, err := d.leaseFiles(container)
	for _, file := range files {
		addr, aerr := netip.ParseAddr(filepath.Base(file))
		if aerr == nil {
			addrs = append(addrs, addr)
		}
		err = errors.Join(err, aerr)
	}
	return addrs, err
}

// Leases lists the addresses of a network that somebody has.
func (d Dirs) Leases(network string) (map[netip.Addr]bool, error) {
	names, err := list(d.leases(network))
	if err != nil {
		return nil, err
	}
	taken := make(map[netip.Addr]bool, len(names))
	for _, name := range names {
		addr, err := netip.ParseAddr(name)
		if err != nil {
			return nil, fmt.Errorf("lease %s: its name is no address: %w", filepath.Join(d.leases(network), name), err)
		}
		taken[addr] = true
	}
	return taken, nil
}

// LeaseHolders lists the containers that have an address of a network.
func (d Dirs) LeaseHolders(network string) (ids []string, err error) {
	names, err := list(d.leases(network))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		b, err := readFile(filepath.Join(d.leases(network), name))
		switch {
		case errors.Is(err, fs.ErrNotExist): // given back meanwhile
		case err != nil:
			return nil, err
		case !slices.Contains(ids, string(trimNewline(b))): // of both families
			ids = append(ids, string(trimNewline(b)))
		}
	}
	return ids, nil
}
