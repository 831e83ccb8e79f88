package engine

import (
	"strings"

	"github.com/minibridge/minibridge/internal/state"
)

// Owners of journals. What a container has is in several: an endpoint comes
// and goes alone.
const hostOwner = "host"

func networkOwner(id string) string { return "net-" + id }

func containerOwner(id string) string { return "ctr-" + id }

func endpointOwner(id, endpoint string) string {
	return containerOwner(id) + "." + state.ShortID(endpoint)
}

func wayOwner(id string) string { return containerOwner(id) + wayPart }

func portsOwner(id string) string { return containerOwner(id) + ".ports" }

// wayPart is the part whose steps go with the container's namespace.
const wayPart = ".way"

// containerOwners are all of a container's, the first to go up first.
func containerOwners(run *state.Run) []string {
	owners := []string{containerOwner(run.ID)}
	for _, at := range run.Wired() {
		owners = append(owners, endpointOwner(run.ID, at.EndpointID))
	}
	return append(owners, wayOwner(run.ID), portsOwner(run.ID), pauseOwner(run.ID))
}

// ownerName is an owner as a person calls it.
func ownerName(owner string) string {
	if id, ok := containerOf(owner); ok {
		return "container " + state.ShortID(id)
	}
	if id, ok := strings.CutPrefix(owner, "net-"); ok {
		return "network " + state.ShortID(id)
	}
	return "the host"
}

// containerOf is the id of the container that an owner is part of.
func containerOf(owner string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(owner, "ctr-")
	id, _, _ = strings.Cut(rest, ".")
	return id, ok
}
