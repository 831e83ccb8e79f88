package dns

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// piped is an upstream at the other end of a pipe. Pipes wait by the clock of a
// test, and by UDP the server can't tell one from a socket, as a read gets a write.
func piped(serve func(net.Conn)) Upstream {
	return Upstream{netip.MustParseAddrPort("127.0.0.53:53"), func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			serve(there)
		}()
		return here, nil
	}}
}

// silent reads and never answers.
func silent(conn net.Conn) { io.Copy(io.Discard, conn) }

// saying says the same every second, which the clock of a test jumps over.
func saying(b string) func(net.Conn) {
	return func(conn net.Conn) {
		go silent(conn)
		for {
			if _, err := io.WriteString(conn, b); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}
}

// hurried answers at once, by UDP.
func hurried(conn net.Conn) {
	raw := make([]byte, maxQuery)
	n, err := conn.Read(raw)
	if err != nil {
		return
	}
	raw[2] |= 0x80
	conn.Write(raw[:n])
}

func something(t testing.TB, network string) *query {
	t.Helper()
	q, _ := read(pack(new(dns.Msg).SetQuestion("example.com.", dns.TypeA)), network)
	if q == nil {
		t.Fatal("no query")
	}
	return q
}

func TestAServerHasFourSeconds(t *testing.T) {
	t.Parallel()
	dead := Upstream{netip.MustParseAddrPort("127.0.0.53:53"), func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	for name, tt := range map[string]struct {
		list []Upstream
		want time.Duration
		rc   int
	}{
		"two are silent":            {[]Upstream{piped(silent), piped(silent)}, 8 * time.Second, dns.RcodeServerFailure},
		"the first is":              {[]Upstream{piped(silent), piped(hurried)}, 4 * time.Second, dns.RcodeSuccess},
		"three are, not the next":   {[]Upstream{piped(silent), piped(silent), piped(silent), piped(hurried)}, 12 * time.Second, dns.RcodeServerFailure},
		"one can't be reached":      {[]Upstream{dead, piped(hurried)}, 4 * time.Second, dns.RcodeSuccess},
		"one talks of other things": {[]Upstream{piped(saying("no answer to any query")), piped(hurried)}, 4 * time.Second, dns.RcodeSuccess},
		"there is none":             {nil, 0, dns.RcodeServerFailure},
	} {
		synctest.Test(t, func(t *testing.T) {
			defer time.Sleep(time.Minute) // until the upstream ends too
			begin := time.Now()
			s := newServer(Config{Upstreams: func() []Upstream { return tt.list }})
			answer := unpack(t, s.forward(t.Context(), something(t, "udp")))
			if took := time.Since(begin); took != tt.want || answer.Rcode != tt.rc || answer.RecursionAvailable {
				t.Errorf("%s: %s after %v; want %v", name, show(answer), took, tt.want)
			}
		})
	}
}

func TestAServerHasFourSecondsByTCPToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(time.Minute) // until the upstream ends too
		begin := time.Now()
		s := newServer(Config{Upstreams: func() []Upstream { return []Upstream{piped(saying("\x01"))} }})
		s.forward(t.Context(), something(t, "tcp"))
		if took := time.Since(begin); took != timeout {
			t.Errorf("took %v", took)
		}
	})
}

func TestQueriesBeyondThoseAskedWaitAndAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(Config{Upstreams: func() []Upstream { return []Upstream{piped(silent), piped(silent)} }})
		codes := make(chan int, maxAsking+10)
		for range cap(codes) {
			s.work.Go(func() { codes <- rcode(header(s.forward(t.Context(), something(t, "udp")))) })
		}
		time.Sleep(timeout + time.Second)
		if len(codes) != 10 {
			t.Fatalf("%d are refused after 4 seconds", len(codes))
		}
		for range 10 {
			if rc := <-codes; rc != dns.RcodeRefused {
				t.Errorf("answer is %s", dns.RcodeToString[rc])
			}
		}
		s.work.Wait()
		for range maxAsking {
			if rc := <-codes; rc != dns.RcodeServerFailure {
				t.Errorf("answer is %s", dns.RcodeToString[rc])
			}
		}
	})
}

func TestAFloodIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(Config{Upstreams: func() []Upstream { return []Upstream{piped(silent)} }})
		ctx, cancel := context.WithCancel(t.Context())
		for range maxPending {
			if answer := s.later(ctx, nil, something(t, "udp"), netip.AddrPort{}); answer != nil {
				t.Fatal("refused one too early")
			}
		}
		answer := s.later(ctx, nil, something(t, "udp"), netip.AddrPort{})
		if answer == nil || rcode(header(answer)) != dns.RcodeRefused {
			t.Errorf("answer is %x", answer)
		}
		synctest.Wait()
		cancel()
		s.work.Wait()
	})
}

// A room is a listener whose clients come by pipes.
type room struct {
	clients chan net.Conn
	closed  context.Context
}

func (r *room) Accept() (net.Conn, error) {
	select {
	case c := <-r.clients:
		return c, nil
	case <-r.closed.Done():
		return nil, net.ErrClosed
	}
}
func (r *room) Close() error   { return nil }
func (r *room) Addr() net.Addr { return nil }

func TestClientsThatSayNothingLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s, r := newServer(Config{Names: peers()}), &room{make(chan net.Conn), ctx}
		s.work.Go(func() {
			if err := s.serveTCP(ctx, r); !errors.Is(err, net.ErrClosed) && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		begin := time.Now()
		for i := range maxClients {
			here, there := net.Pipe()
			r.clients <- there
			go func() { // some say nothing, some a part, some take no answer
				here.Write([][]byte{nil, {0}, {0, 100, 1, 2, 3}, append([]byte{0, 20}, pack(new(dns.Msg).SetQuestion("w2.", dns.TypeA))...)}[i%4])
			}()
		}
		here, there := net.Pipe()
		r.clients <- there
		conn := &dns.Conn{Conn: here}
		for range 3 { // one after the other
			if err := conn.WriteMsg(new(dns.Msg).SetQuestion("w2.", dns.TypeA)); err != nil {
				t.Fatal(err)
			}
			m, err := conn.ReadMsg()
			if err != nil || show(m) != "NOERROR rd ra, w2. 600 IN A 172.18.0.3" {
				t.Errorf("%v, %v", m, err)
			}
		}
		if took := time.Since(begin); took != idle {
			t.Errorf("the last client was served after %v", took)
		}
		cancel()
		s.work.Wait()
	})
}
