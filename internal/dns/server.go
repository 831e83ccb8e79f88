package dns

import (
	"context"
	"net"
	"sync"
	"time"
)

const (
	// maxQuery is more than any client sends by UDP; what is longer is cut by
	// the kernel, and then no message any more.
	maxQuery = 4096
	// readers take queries from the UDP socket in turn and answer them; with
	// two, the server goes on while one is held up. More are no faster.
	readers = 2
	// maxAsking queries are with upstream servers at once, as Docker has it.
	maxAsking = 1024
	// maxPending queries wait for that, or for its answer; each of them costs
	// a goroutine. What comes beyond is refused.
	maxPending = 4 * maxAsking
	// maxClients are connected by TCP at once; others stay in the backlog.
	maxClients = 256
	// receiveBuffer, which the kernel doubles (socket(7)), has room for 21,800
	// queries by what a small packet is charged, 768 bytes: they wait for half
	// a second at most. net.core.rmem_default has it for 277.
	receiveBuffer = 8 << 20
	// idle is how long a client by TCP may take over a query, over reading its
	// answer, and between two (RFC 7766, section 6.2.3).
	idle = 10 * time.Second
	// pause is how long the server leaves a socket alone that gave an error,
	// such as ENOBUFS or EMFILE.
	pause = 10 * time.Millisecond
)

type server struct {
	Config
	asking  chan struct{}
	pending chan struct{}
	work    sync.WaitGroup
}

func newServer(c Config) *server {
	return &server{Config: c, asking: make(chan struct{}, maxAsking), pending: make(chan struct{}, maxPending)}
}

// Serve answers what comes in by udp and tcp until ctx ends; an error is that
// of a socket which somebody else closed. When it returns it has closed both,
// and whatever it began has ended. Each socket is bound to one address: the
// answers go out from there.
func Serve(ctx context.Context, c Config, udp *net.UDPConn, tcp net.Listener) error {
	return newServer(c).serve(ctx, udp, tcp)
}

func (s *server) serve(ctx context.Context, udp *net.UDPConn, tcp net.Listener) error {
	outer := ctx
	ctx, cancel := context.WithCancelCause(outer)
	defer cancel(nil)
	closed := make(chan struct{})
	context.AfterFunc(ctx, func() {
		udp.Close()
		tcp.Close()
		close(closed)
	})
	enlarge(udp)
	for range readers {
		s.work.Go(func() { cancel(s.serveUDP(ctx, udp)) })
	}
	s.work.Go(func() { cancel(s.serveTCP(ctx, tcp)) })
	s.work.Wait()
	<-closed
	if outer.Err() != nil {
		return nil
	}
	return context.Cause(ctx)
}

// rest waits a little after an error of a socket that stays open, and is false
// when the server is to end.
func rest(ctx context.Context) bool {
	select {
	case <-time.After(pause):
		return true
	case <-ctx.Done():
		return false
	}
}
