package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// enlarge gives a burst of queries room. A caller without CAP_NET_ADMIN gets
// what net.core.rmem_max allows.
func enlarge(udp *net.UDPConn) {
	raw, err := udp.SyscallConn()
	if err != nil {
		return // closed: reading will say so
	}
	raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer)
	})
	if err != nil {
		udp.SetReadBuffer(receiveBuffer)
	}
}

func (s *server) serveUDP(ctx context.Context, udp *net.UDPConn) error {
	buf := make([]byte, maxQuery)
	for {
		n, client, err := udp.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("name server: %w", err)
		case err != nil && !rest(ctx):
			return err
		case err != nil:
			continue
		}
		q, answer := read(buf[:n], "udp")
		if q != nil {
			answer = s.own(q)
			if answer == nil {
				q.raw = slices.Clone(q.raw) // buf is for the next
				answer = s.later(ctx, udp, q, client)
			}
		}
		if answer != nil {
			udp.WriteToUDPAddrPort(answer, client) // who can't be reached asks again
		}
	}
}

// later has a query forwarded and answered while the server goes on, or gives
// the answer that there are too many.
func (s *server) later(ctx context.Context, udp *net.UDPConn, q *query, client netip.AddrPort) []byte {
	select {
	case s.pending <- struct{}{}:
	default:
		return q.fail(dns.RcodeRefused)
	}
	s.work.Go(func() {
		defer func() { <-s.pending }()
		if answer := s.forward(ctx, q); answer != nil {
			udp.WriteToUDPAddrPort(answer, client)
		}
	})
	return nil
}
