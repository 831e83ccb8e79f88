package state

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
)

// Member is a running container on a network, as its peers know it.
type Member struct {
	ID    string     `json:"id"`
	Names []string   `json:"names"` // the container's, its aliases, its short id, its host name
	IPv4  netip.Addr `json:"ipv4,omitzero"`
	IPv6  netip.Addr `json:"ipv6,omitzero"`
}

// Addrs are the addresses that a member has.
func (m Member) Addrs() (all []netip.Addr) {
	for _, a := range []netip.Addr{m.IPv4, m.IPv6} {
		if a.IsValid() {
			all = append(all, a)
		}
	}
	return all
}

// members is the file of one network.
type members struct {
	head
	Members []Member `json:"members"`
}

func (d Dirs) memberFile(network string) string {
	return filepath.Join(d.Run, "members", network+".json")
}

// Join makes a container known to its peers on a network.
func (h *Held) Join(network string, m Member) error {
	return h.changeMembers(network, func(all []Member) []Member {
		return append(without(all, m.ID), m)
	})
}

// Quit makes it unknown again.
func (h *Held) Quit(network, container string) error {
	return h.changeMembers(network, func(all []Member) []Member { return without(all, container) })
}

func without(all []Member, container string) []Member {
	return slices.DeleteFunc(all, func(m Member) bool { return m.ID == container })
}

// changeMembers replaces the file, so that whoever reads it sees by its inode
// that it changed. An empty one is no file.
func (h *Held) changeMembers(network string, change func([]Member) []Member) error {
	file := h.dirs.memberFile(network)
	var m members
	if err := read(file, &m); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	m.Members, m.Schema = change(m.Members), schema
	if len(m.Members) > 0 {
		return write(file, m)
	}
	if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// A MemberList reads a network's members, and reads them again only when they
// have changed.
type MemberList struct {
	watched
	members []Member
}

// Members opens the list of a network's members.
func (d Dirs) Members(network string) *MemberList {
	return &MemberList{watched: watched{file: d.memberFile(network)}}
}

// Load gives the members there are now; changed says that they are others than
// the last time. It is not for several goroutines at once.
func (l *MemberList) Load() (all []Member, changed bool, err error) {
	var m members
	changed, err = l.load(&m)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // nobody is there
	}
	if changed && err == nil {
		l.members = m.Members
	}
	return l.members, changed, err
}
