// Package driver says what a kind of network is. Each kind is a folder below
// and a row in the engine's table: the engine chooses names and addresses,
// and runs the plans; a driver reads its options and writes the plans.
package driver

import (
	"net/netip"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// A Driver is one kind of network. Its plans make no system call.
type Driver interface {
	// Define reads the options of a new network, with Docker's texts for
	// those that are wrong, and fills in the device that its record names.
	Define(n *state.Network) error
	// Traits are what a container has of being on the network.
	Traits(n *state.Network) Traits
	// Network is the plan of what all on the network share.
	Network(n *state.Network) plan.Plan
	// Endpoint is the plan that puts a container's network namespace, which
	// is there, on the network.
	Endpoint(n *state.Network, e Endpoint) plan.Plan
	// Publish is the plan that leads ports of the host to a container.
	Publish(n *state.Network, p Publication) plan.Plan
	// Unpublish are steps that take a Publish back.
	Unpublish(n *state.Network, p Publication) []plan.Step
}

// Traits are what the engine needs to know of a network before it plans. The
// zero value is the host's own network.
type Traits struct {
	Namespace bool       // a container on it has a network namespace of its own
	Wired     bool       // and in there a link with an address
	Names     bool       // containers on it find each other by name
	Prefix    string     // of the links' names in containers: eth
	Binding   netip.Addr // what -p publishes on when it names no address; invalid = every address
}

// An Endpoint is a container's, with all choices made.
type Endpoint struct {
	NS     plan.NS // the container's
	Alias  string  // what the host's end of its cable says of itself
	Cabled bool    // the cable is there, if not as it should be
	state.Attachment
}

// A Publication is the published ports of one container: of those in Mappings
// the ones that the kernel can lead to Target.
type Publication struct {
	ID       string     // the container's short id
	Target   netip.Addr // its address on the network
	Mappings []nat.Mapping
}
