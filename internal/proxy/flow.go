package proxy

import (
	"container/list"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// A key is what tells one flow from another: by which socket it comes, from
// whom, to which address of the host.
type key struct {
	socket *socket
	client netip.AddrPort
	link   uint32 // index of the device that a link-local client is behind
	dest   destination
}

// A flow is one client's exchange of datagrams with the container.
type flow struct {
	key
	id     uint64
	to     netip.Addr    // where the container is
	fd     int           // connected to it
	client unix.Sockaddr // where answers go
	source []byte        // the control message that says where they come from
	used   time.Time
	place  *list.Element
}

// flows are there at most for a time after the last datagram, and at most so
// many.
type flows struct {
	idle  time.Duration
	most  int
	byKey map[key]*flow
	order *list.List // of *flow, the one idle longest first
}

func newFlows(idle time.Duration, most int) flows {
	return flows{idle, most, map[key]*flow{}, list.New()}
}

// find gives the flow that a datagram belongs to.
func (t *flows) find(k key) *flow { return t.byKey[k] }

// touch makes a flow last, as it has a datagram.
func (t *flows) touch(f *flow, now time.Time) {
	f.used = now
	t.order.MoveToBack(f.place)
}

func (t *flows) add(f *flow, now time.Time) {
	f.used = now
	f.place = t.order.PushBack(f)
	t.byKey[f.key] = f
}

func (t *flows) remove(f *flow) {
	t.order.Remove(f.place)
	delete(t.byKey, f.key)
}

// of are those through a socket.
func (t *flows) of(s *socket) (all []*flow) {
	if !s.udp {
		return nil
	}
	for k, f := range t.byKey {
		if k.socket == s {
			all = append(all, f)
		}
	}
	return all
}

func (t *flows) oldest() *flow {
	if e := t.order.Front(); e != nil {
		return e.Value.(*flow)
	}
	return nil
}

// end is when a flow is over unless it has another datagram.
func (t *flows) end(f *flow) time.Time { return f.used.Add(t.idle) }

func (t *flows) full() bool { return len(t.byKey) >= t.most }
