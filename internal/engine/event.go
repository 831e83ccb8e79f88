package engine

import (
	"maps"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
)

// A fact is one attribute of an event.
type fact struct{ key, value string }

// happened writes down what has happened to a container, for events. Nothing
// depends on it.
func (e *Engine) happened(c *state.Container, action string, facts ...fact) {
	attributes := make(map[string]string)
	maps.Copy(attributes, c.Spec.Labels)
	attributes["name"] = c.Name
	e.writeEvent(state.Event{Type: "container", Action: action, ID: c.ID, Attributes: attributes}, facts)
}

// networkHappened does so for a network.
func (e *Engine) networkHappened(n *state.Network, action string, facts ...fact) {
	e.writeEvent(state.Event{Type: "network", Action: action, ID: n.ID, Attributes: map[string]string{"name": n.Name, "type": n.Driver}}, facts)
}

func (e *Engine) writeEvent(ev state.Event, facts []fact) {
	for _, f := range facts {
		ev.Attributes[f.key] = f.value
	}
	if err := e.dirs.AddEvent(ev); err != nil {
		e.warn(err)
	}
}

// cabled tells of a container's endpoints.
func (e *Engine) cabled(container string, action string, all []state.Attachment) {
	networks, _ := e.dirs.Networks() // those that can be read
	for _, at := range all {
		n := networkByID(networks, at.NetworkID)
		n.Name = at.Network // it may have gone
		e.networkHappened(n, action, fact{"container", container})
	}
}

// pruned tells of a prune: how many bytes went.
func (e *Engine) pruned(kind string, size int64) {
	e.writeEvent(state.Event{Type: kind, Action: "prune", Attributes: map[string]string{"reclaimed": strconv.FormatInt(size, 10)}}, nil)
}

// over tells of a container's end.
func (e *Engine) over(c *state.Container, run *state.Run, code int) {
	e.happened(c, "die", fact{"exitCode", strconv.Itoa(code)})
	e.cabled(run.ID, "disconnect", run.Endpoints)
}

func signalFact(sig unix.Signal) fact { return fact{"signal", strconv.Itoa(int(sig))} }
