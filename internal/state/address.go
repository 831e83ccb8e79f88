package state

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
)

// An address that a person asked for is kept for its container whether that
// runs or not: ROOT/addresses/NETWORK/ADDRESS is a link to it. The container's
// record proves the link, so one that was left over keeps nobody out.

func (d Dirs) addresses(network string) string { return filepath.Join(d.Root, "addresses", network) }

// keepAddresses keeps those of a container that no other had before it.
func (h *Held) keepAddresses(c *Container) error {
	for _, w := range c.Spec.Endpoints {
		for _, addr := range w.addresses() {
			dir := h.dirs.addresses(w.Network)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
			if owner, err := h.dirs.addressOwner(w.Network, addr); err != nil || owner != "" {
				if err != nil {
					return err
				}
				continue
			}
			link := filepath.Join(dir, addr.String())
			if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if err := os.Symlink(filepath.Join("..", "..", "containers", c.ID), link); err != nil {
				return err
			}
		}
	}
	return nil
}

// freeAddresses gives back those that are kept for a container, and those that
// it wants no more.
func (h *Held) freeAddresses(c *Container) error {
	links, err := filepath.Glob(filepath.Join(h.dirs.addresses("*"), "*"))
	for _, link := range links {
		if target, lerr := os.Readlink(link); lerr == nil && filepath.Base(target) == c.ID {
			err = errors.Join(err, os.Remove(link))
			os.Remove(filepath.Dir(link)) // refused while there are others
		}
	}
	return err
}

// Kept are the addresses of a network that people asked for, and the ids of
// the containers they are kept for.
func (d Dirs) Kept(network string) (map[netip.Addr]string, error) {
	names, err := list(d.addresses(network))
	kept := make(map[netip.Addr]string, len(names))
	for _, name := range names {
		addr, perr := netip.ParseAddr(name)
		if perr != nil {
			continue // nobody's
		}
		owner, oerr := d.addressOwner(network, addr)
		if owner != "" {
			kept[addr] = owner
		}
		err = errors.Join(err, oerr)
	}
	return kept, err
}

// addressOwner is the container that an address is kept for; "" when it is for
// none.
func (d Dirs) addressOwner(network string, addr netip.Addr) (string, error) {
	target, err := os.Readlink(filepath.Join(d.addresses(network), addr.String()))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	c, err := d.ReadContainer(filepath.Base(target))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if _, unreadable := errors.AsType[*RecordError](err); unreadable {
		return filepath.Base(target), nil // who is to say that it doesn't want it?
	}
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(c.Spec.Endpoints, func(w Wish) bool {
		return w.Network == network && slices.Contains(w.addresses(), addr)
	}) {
		return "", nil
	}
	return c.ID, nil
}

// addresses are those that were asked for.
func (w Wish) addresses() (all []netip.Addr) {
	for _, ip := range []string{w.IP, w.IP6} {
		if addr, err := netip.ParseAddr(ip); err == nil {
			all = append(all, addr)
		}
	}
	return all
}
