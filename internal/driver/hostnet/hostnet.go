// Package hostnet is the network that is the host's own: its containers share
// the host's network namespace.
package hostnet

import (
	"errors"

	"github.com/minibridge/minibridge/internal/driver"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// Driver needs nothing of the kernel.
type Driver struct{}

// Define refuses a second one: there is one host.
func (Driver) Define(*state.Network) error {
	return errors.New(`only one instance of "host" network is allowed`)
}

// Traits are none.
func (Driver) Traits(*state.Network) driver.Traits { return driver.Traits{} }

// Network is empty: the host's network is there.
func (Driver) Network(*state.Network) plan.Plan { return nil }

// Endpoint is empty: there is no namespace to plug in.
func (Driver) Endpoint(*state.Network, driver.Endpoint) plan.Plan { return nil }

// Publish is empty: the container's ports are the host's.
func (Driver) Publish(*state.Network, driver.Publication) plan.Plan { return nil }

// Unpublish has nothing to take back.
func (Driver) Unpublish(*state.Network, driver.Publication) []plan.Step { return nil }
