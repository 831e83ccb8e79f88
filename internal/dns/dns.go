// Package dns is the name server that a container asks, at 127.0.0.11: names of
// its peers it answers by itself, everything else it asks the servers that the
// host or the user named. It knows no containers; who it works for tells it what
// a name means ([Names]) and whom to ask ([Upstream]).
package dns

import (
	"context"
	"net"
	"net/netip"
)

// Names is what the server answers by itself. It is asked once for each query,
// by several goroutines at once, and one that waits holds up the others.
type Names interface {
	// Lookup gives the addresses, of both families, of a name in lower case
	// and without its last dot. A name without an address of the family that
	// is asked for still exists: the answer is empty, and nobody else is asked.
	Lookup(name string) (addrs []netip.Addr, known bool)
	// Reverse gives the name of an address, without its last dot.
	Reverse(addr netip.Addr) (name string, known bool)
}

// Upstream is a server to ask for the names that are not ours.
type Upstream struct {
	Addr netip.AddrPort
	// Dial connects to Addr, by "udp" or "tcp", as net.Dialer.DialContext
	// does. It decides from which network namespace the server is asked.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Config is what a server serves.
type Config struct {
	Names Names
	// Upstreams are read for each query that is forwarded: resolv.conf may
	// have changed. With none, the answer is SERVFAIL at once.
	Upstreams func() []Upstream
	// Ndots is what the user gave as the option ndots (resolv.conf(5)), zero
	// if nothing. From 1 on, an unknown name without a dot is not forwarded:
	// the client is to try it with its search list.
	Ndots int
}
