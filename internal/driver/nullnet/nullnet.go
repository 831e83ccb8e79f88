// Package nullnet is the network that is none: its containers have a network
// namespace with a loopback in it, and nothing else.
package nullnet

import (
	"errors"

	"github.com/minibridge/minibridge/internal/driver"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// Driver needs nothing of the kernel but namespaces.
type Driver struct{}

// Define refuses a second one: nothing is nothing.
func (Driver) Define(*state.Network) error {
	return errors.New(`only one instance of "null" network is allowed`)
}

// Traits are a namespace, and nothing in it.
func (Driver) Traits(*state.Network) driver.Traits { return driver.Traits{Namespace: true} }

// Network is empty: there is nobody to share anything with.
func (Driver) Network(*state.Network) plan.Plan { return nil }

// Endpoint is empty: every namespace has its loopback.
func (Driver) Endpoint(*state.Network, driver.Endpoint) plan.Plan { return nil }

// Publish is empty: no packet gets there.
func (Driver) Publish(*state.Network, driver.Publication) plan.Plan { return nil }

// Unpublish has nothing to take back.
func (Driver) Unpublish(*state.Network, driver.Publication) []plan.Step { return nil }
