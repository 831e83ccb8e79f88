package bridge

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// MaxName is the longest name of a link, in bytes (IFNAMSIZ-1, linux/if.h).
const MaxName = unix.IFNAMSIZ - 1

// at calls f with the link and a socket of its namespace.
func at(ns plan.NS, dev string, f func(*netlink.Handle, netlink.Link) error) error {
	return in(ns, func(h *netlink.Handle) error {
		link, err := get(h, dev)
		if err != nil {
			return err
		}
		return f(h, link)
	})
}

// get looks a link up by its name; ENODEV says that there is none.
func get(h *netlink.Handle, name string) (netlink.Link, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	link, err := again(func() (netlink.Link, error) { return h.LinkByName(name) })
	if _, absent := errors.AsType[netlink.LinkNotFoundError](err); absent {
		return nil, fmt.Errorf("link %s: %w", name, unix.ENODEV)
	}
	return link, err
}

// Exists tells whether the host has a link of that name.
func Exists(name string) (bool, error) {
	err := at("", name, func(*netlink.Handle, netlink.Link) error { return nil })
	if absent(err) {
		return false, nil
	}
	return err == nil, err
}

// Alias is what the host's link of that name says of itself; there tells whether
// there is such a link.
func Alias(name string) (alias string, there bool, err error) {
	err = at("", name, func(_ *netlink.Handle, link netlink.Link) error {
		alias, there = link.Attrs().Alias, true
		return nil
	})
	if absent(err) {
		return "", false, nil
	}
	return alias, there, err
}

// Kind is what the host's link of that name is, in the kernel's words: bridge,
// veth, device …; "" when there is none.
func Kind(name string) (kind string, err error) {
	err = at("", name, func(_ *netlink.Handle, link netlink.Link) error {
		kind = link.Type()
		return nil
	})
	if absent(err) {
		return "", nil
	}
	return kind, err
}

// checkName refuses what the kernel does (dev_valid_name, net/core/dev.c), and
// the % that it would take for a pattern: asked for br%d, it makes a br0.
func checkName(name string) error {
	switch {
	case name == "" || len(name) > MaxName:
		return fmt.Errorf("link name %q has %d bytes: must have 1 to %d", name, len(name), MaxName)
	case name == "." || name == ".." || strings.ContainsAny(name, "/:% \t\n\v\f\r\x00"):
		return fmt.Errorf("link name %q: can't be . or .., nor have blanks or one of / : %%", name)
	}
	return nil
}

// absent tells the error of [at] for a link or a namespace that isn't there.
func absent(err error) bool {
	return errors.Is(err, unix.ENODEV) || errors.Is(err, fs.ErrNotExist)
}

// describe is what an error calls a link that it doesn't know.
func describe(link netlink.Link) string {
	return fmt.Sprintf("%s, MAC %s", link.Type(), link.Attrs().HardwareAddr)
}

// stranger is an error unless the link has this MAC address. One that could
// not be seen when the step was made, "", is any.
func stranger(link netlink.Link, mac string) error {
	if a := link.Attrs(); mac != "" && a.HardwareAddr.String() != mac {
		return &plan.NotOurs{What: fmt.Sprintf("%s is not ours any more (%s)", a.Name, describe(link))}
	}
	return nil
}

// LinkDel removes a link of the host, if it still has the MAC address that it
// was made with.
type LinkDel struct {
	Name string `json:"name"`
	MAC  string `json:"mac"` // as ip(8) prints it
}

func (s *LinkDel) String() string {
	return plan.Command("ip", "link", "del", "dev", s.Name)
}

// Apply finds the link by name and removes it by index, so that a new one of
// the same name is never hit.
func (s *LinkDel) Apply() error {
	err := at("", s.Name, func(h *netlink.Handle, link netlink.Link) error {
		if err := stranger(link, s.MAC); err != nil {
			return err
		}
		return h.LinkDel(link)
	})
	if absent(err) {
		return nil
	}
	return err
}

// LinkUp switches a link on.
type LinkUp struct {
	NS     plan.NS `json:"ns,omitempty"`
	Dev    string  `json:"dev"`
	Theirs bool    `json:"theirs,omitempty"` // as in [AddrAdd]
}

func (s *LinkUp) String() string {
	return s.NS.IP() + " " + plan.Command("link", "set", "dev", s.Dev, "up")
}

// Apply brings the link up.
func (s *LinkUp) Apply() error {
	return at(s.NS, s.Dev, func(h *netlink.Handle, link netlink.Link) error {
		return h.LinkSetUp(link)
	})
}

// Undo is to switch it off again, in the host.
func (s *LinkUp) Undo() (plan.Step, error) {
	up, down := false, &LinkDown{Dev: s.Dev}
	err := at(s.NS, s.Dev, func(_ *netlink.Handle, link netlink.Link) error {
		up = link.Attrs().Flags&net.FlagUp != 0
		if !s.Theirs {
			down.MAC = link.Attrs().HardwareAddr.String()
		}
		return nil
	})
	switch {
	case err != nil && !absent(err):
		return nil, err
	case up:
		return nil, nil
	case s.NS != "":
		return s.NS.Gone(), nil
	}
	return down, nil
}

// LinkDown switches a link of the host off. Its routes go.
type LinkDown struct {
	Dev string `json:"dev"`
	MAC string `json:"mac,omitempty"` // of the link that was switched on
}

func (s *LinkDown) String() string {
	return plan.Command("ip", "link", "set", "dev", s.Dev, "down")
}

// Apply takes the link down.
func (s *LinkDown) Apply() error {
	err := at("", s.Dev, func(h *netlink.Handle, link netlink.Link) error {
		if err := stranger(link, s.MAC); err != nil {
			return err
		}
		return h.LinkSetDown(link)
	})
	if absent(err) {
		return nil
	}
	return err
}
