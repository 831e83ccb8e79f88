package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
)

// Event is something that has happened to a container or a network.
type Event = state.Event

// EventOptions say which events are wanted.
type EventOptions struct {
	Since   time.Time // from then on; zero = from now on
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
	if o.Since.IsZero() {
		o.Since = time.Now()
	}
	r := e.dirs.Events()
	defer r.Close()
	news, err := watchEvents(r)
	if err != nil {
		return err
	}
	defer news.watch.Close()
	var end <-chan time.Time
	if !o.Until.IsZero() {
		timer := time.NewTimer(time.Until(o.Until))
		defer timer.Stop()
		end = timer.C
	}
	for over, anew := false, false; ; {
		all, err := r.Read()
		for _, ev := range all {
			if o.wants(ev) {
				err = errors.Join(err, to(ev))
			}
			if err != nil {
				return err
			}
		}
		if over || err != nil {
			return err
		}
		if anew {
			r.Anew()
			if err := news.again(r); err != nil {
				return err
			}
			anew = false
			continue
		}
		select {
		case <-news.grown:
		case <-news.ended:
			anew = true // after what was left to read
		case <-end:
			over = true // and once more: what came before
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// eventNews tells when there are more events.
type eventNews struct {
	grown chan struct{}
	ended chan struct{} // closed when the folder has gone
	watch *os.File
}

// watchEvents has the kernel tell of each write (inotify(7)).
func watchEvents(r *state.EventReader) (*eventNews, error) {
	n := &eventNews{}
	return n, n.again(r)
}

// again watches the folder, which reset may have removed.
func (n *eventNews) again(r *state.EventReader) error {
	if n.watch != nil {
		n.watch.Close()
	}
	dir, err := r.Watch()
	if err != nil {
		return err
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return err
	}
	n.grown, n.ended, n.watch = make(chan struct{}, 1), make(chan struct{}), os.NewFile(uintptr(fd), "inotify")
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_MODIFY|unix.IN_CREATE|unix.IN_DELETE); err != nil {
		n.watch.Close()
		return err
	}
	go hearEvents(n.watch, n.grown, n.ended)
	return nil
}

// hearEvents turns what the kernel tells into at most one piece of news ahead, and
// the end of the watch.
func hearEvents(watch *os.File, grown chan<- struct{}, ended chan<- struct{}) {
	events := make([]byte, 4096)
	for {
		n, err := watch.Read(events)
		if err != nil {
			return
		}
		if watchEnded(events[:n]) {
			close(ended)
			return
		}
		select {
		case grown <- struct{}{}:
		default:
		}
	}
}

// watchEnded looks for the last one of a watch among some struct inotify_event:
// four numbers of 32 bits each, the second of which is the mask and the last
// one the length of what follows.
func watchEnded(events []byte) bool {
	for len(events) >= unix.SizeofInotifyEvent {
		if binary.NativeEndian.Uint32(events[4:])&unix.IN_IGNORED != 0 {
			return true
		}
		events = events[min(len(events), unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(events[12:]))):]
	}
	return false
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
