package state

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// firewall is the kind of firewall that the rules of what is up are written
// with.
type firewall struct {
	head
	Name string `json:"firewall"` // "iptables", "nftables"
}

func (d Dirs) firewallFile() string { return filepath.Join(d.Run, "firewall.json") }

// Firewall is the kind that was used first; "" when none was, in this boot.
func (d Dirs) Firewall() (string, error) {
	boot, err := Boot()
	if err != nil {
		return "", err
	}
	if w, err := d.readWorld(); err == nil && w.Boot != boot {
		return "", nil
	}
	var f firewall
	err = read(d.firewallFile(), &f)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return f.Name, err
}

// SetFirewall remembers it.
func (h *Held) SetFirewall(name string) error {
	return write(h.dirs.firewallFile(), firewall{head{schema}, name})
}
