package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/minibridge/minibridge/internal/state"
)

// Event is something that has happened to a container or a network.
type Event = state.Event

// EventOptions say which events are wanted.
type EventOptions struct {
	Since   time.Time // from then on; zero = from now on, with Until from the first that is kept
	Until   time.Time // up to then; zero = for ever
	Filters Filters
}

// eventKeys are those of its filters. Keys of Docker's about what there isn't
// here let through nothing.
var (
	eventKeys  = []string{"container", "daemon", "event", "image", "label", "network", "plugin", "scope", "type", "volume"}
	absentKeys = []string{"daemon", "image", "plugin", "volume"}
)

// EventKeys are the keys by which events are filtered that can have a hit.
func EventKeys() []string {
	return slices.DeleteFunc(slices.Clone(eventKeys), func(key string) bool { return slices.Contains(absentKeys, key) })
}

// Events hands over what happens, and what has happened since a time, each
// event once and in order, until that time has come or ctx ends.
func (e *Engine) Events(ctx context.Context, o EventOptions, to func(Event) error) error {
	if err := o.Filters.known(eventKeys...); err != nil {
		return err
	}
	if o.Since.IsZero() && o.Until.IsZero() {
		o.Since = time.Now()
	}
	r := e.dirs.Events()
	defer r.Close()
	news := &eventNews{reader: r}
	defer news.close()
	for end := o.end(); ; {
		if err := news.follow(); err != nil {
			return err
		}
		if err := o.tell(r, to); err != nil {
			return err
		}
		select {
		case <-news.grown:
		case <-news.ended:
		case <-end:
			return o.tell(r, to) // what came before
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// end is when the time of --until comes; nil is never.
func (o EventOptions) end() <-chan time.Time {
	if o.Until.IsZero() {
		return nil
	}
	return time.After(time.Until(o.Until))
}

// tell hands over what there is now.
func (o EventOptions) tell(r *state.EventReader, to func(Event) error) error {
	all, err := r.Read()
	for _, ev := range all {
		if !o.wants(ev) {
			continue
		}
		if err := to(ev); err != nil {
			return err
		}
	}
	return err
}

// wants says whether an event passes.
func (o EventOptions) wants(ev Event) bool {
	f := o.Filters
	if ev.Time.Before(o.Since) || !o.Until.IsZero() && ev.Time.After(o.Until) {
		return false
	}
	for _, key := range absentKeys {
		if len(f[key]) > 0 {
			return false
		}
	}
	return f.exact("type", ev.Type) && f.exact("scope", "local") && f.event(ev.Action) && f.labels("label", ev.Attributes) &&
		f.about("container", ev) && f.about("network", ev)
}

// event takes the beginning of those actions that tell a command, too.
func (f Filters) event(action string) bool {
	name, _, _ := strings.Cut(action, ":")
	return f.exact("event", action) || f.exact("event", name)
}

// about takes the beginning of an id or a name, of events of that type alone.
func (f Filters) about(kind string, ev Event) bool {
	return len(f[kind]) == 0 || ev.Type == kind && (f.prefix(kind, ev.ID) || f.prefix(kind, ev.Attributes["name"]))
}
