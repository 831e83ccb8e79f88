package bridge

import (
	"fmt"

	"github.com/vishvananda/netlink"

	"github.com/minibridge/minibridge/plan"
)

// LinkAlias notes on one of our links whose it is, for people: ip-link(8)
// shows it. It is a message of its own, as the kernel ignores an alias in the
// message that creates a link.
type LinkAlias struct {
	Dev   string `json:"dev"`
	Alias string `json:"alias"`         // at most 255 bytes
	Old   string `json:"old,omitempty"` // the one that it replaces; none = there is none yet
}

func (s *LinkAlias) String() string {
	return plan.Command("ip", "link", "set", "dev", s.Dev, "alias", s.Alias)
}

// Apply sets the alias. A link that has gone needs none in the place of another.
func (s *LinkAlias) Apply() error {
	err := at("", s.Dev, func(h *netlink.Handle, link netlink.Link) error {
		return h.LinkSetAlias(link, s.Alias)
	})
	if absent(err) && s.Old != "" {
		return nil
	}
	return err
}

// Undo brings the old alias back, or leaves the first one to the link. Another
// alias is in the way: then the link is not ours.
func (s *LinkAlias) Undo() (plan.Step, error) {
	var have string
	err := at("", s.Dev, func(_ *netlink.Handle, link netlink.Link) error {
		have = link.Attrs().Alias
		return nil
	})
	switch {
	case err != nil && !absent(err):
		return nil, err
	case have == s.Alias && err == nil:
		return nil, nil
	case have != "" && have == s.Old:
		return &LinkAlias{Dev: s.Dev, Alias: s.Old, Old: s.Alias}, nil
	case have != "":
		return nil, fmt.Errorf("%s has the alias %q already", s.Dev, have)
	}
	return &plan.Leave{Why: "the alias goes with " + s.Dev}, nil
}
