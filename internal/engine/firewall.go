package engine

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// DefaultFirewall is that of a machine where none was chosen yet.
const DefaultFirewall = "iptables"

// A firewall is a kind of rules, and what it needs.
type firewall struct {
	backend func(state.Dirs) (nat.Backend, error)
	tool    string // a program that it can't do without
	pkg     string // where that is from
}

// firewalls is the table of them.
var firewalls = map[string]firewall{
	"iptables": {
		backend: func(d state.Dirs) (nat.Backend, error) { return apart(nat.IptablesKnowing(d.Rules())) },
		tool:    "iptables-restore", pkg: "iptables",
	},
	"nftables": {
		backend: func(state.Dirs) (nat.Backend, error) {
			beside, err := nat.Forwarding()
			if errors.Is(err, fs.ErrPermission) {
				err = nil // who may not look gets the script for a clean machine
			}
			if err != nil {
				return nil, err
			}
			return apart(nat.Nftables(beside...))
		},
		tool: "nft", pkg: "nftables",
	},
}

// apart keeps our networks from Docker's.
func apart(b nat.Backend) (nat.Backend, error) {
	bridges, err := nat.DockerBridges()
	return nat.Apart(b, bridges...), err
}

// Firewalls are their names, for a person to choose from.
func Firewalls() []string { return slices.Sorted(maps.Keys(firewalls)) }

// chooseFirewall is the one that was asked for, or the one that is in use. Who
// may not look gets what he asks for.
func chooseFirewall(asked string, dirs state.Dirs) (string, error) {
	if _, known := firewalls[asked]; asked != "" && !known {
		return "", errorf("unknown firewall %q: must be %s", asked, strings.Join(Firewalls(), " or "))
	}
	used, err := usedFirewall(dirs)
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return "", err
	}
	if _, known := firewalls[used]; used != "" && !known {
		return "", errorf("the rules of this machine's networks are written with firewall %q, which this minibridge does not know", used)
	}
	if asked != "" && used != "" && asked != used {
		return "", inUse(used)
	}
	return cmp.Or(asked, used, DefaultFirewall), nil
}

// usedFirewall is the one that rules are written with; "" where the host's plan
// never came up, or is down.
func usedFirewall(dirs state.Dirs) (string, error) {
	if !dirs.HasJournal(hostOwner) {
		return "", nil
	}
	return dirs.Firewall()
}

func inUse(used string) *Error {
	return errorf("firewall %s is in use: the rules of this machine's networks are written with it", used).
		hint("minibridge --firewall %s reset", used)
}

// keepFirewall remembers what the first rules are written with, before they
// are. Another verb may have been quicker since we chose.
func (s *session) keepFirewall() error {
	used, err := usedFirewall(s.dirs)
	if err != nil || used == s.firewallName {
		return err
	}
	if used == "" {
		return s.held.SetFirewall(s.firewallName)
	}
	return inUse(used)
}
