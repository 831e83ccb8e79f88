package engine

import (
	"github.com/minibridge/minibridge/internal/driver"
	"github.com/minibridge/minibridge/internal/driver/bridged"
	"github.com/minibridge/minibridge/internal/driver/hostnet"
	"github.com/minibridge/minibridge/internal/driver/nullnet"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// drivers is the table of all kinds of network.
func drivers(firewall nat.Backend, ipv6 bool) map[string]driver.Driver {
	return map[string]driver.Driver{
		"bridge": bridged.Driver{Firewall: firewall, IPv6: ipv6},
		"host":   hostnet.Driver{},
		"null":   nullnet.Driver{},
	}
}

// driver is a network's. A record of a kind that this version doesn't know
// gets none: its containers would have nothing but a loopback.
func (e *Engine) driver(n *state.Network) driver.Driver {
	if d, ok := e.drivers[n.Driver]; ok {
		return d
	}
	return nullnet.Driver{}
}

func (e *Engine) traits(n *state.Network) driver.Traits { return e.driver(n).Traits(n) }
