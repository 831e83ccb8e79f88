package dns

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

func FuzzQuery(f *testing.F) {
	edns := new(dns.Msg).SetQuestion("web.n1.", dns.TypeAAAA)
	edns.SetEdns0(1232, true)
	for _, m := range []*dns.Msg{
		new(dns.Msg).SetQuestion("web.", dns.TypeA),
		new(dns.Msg).SetQuestion("3.0.18.172.in-addr.arpa.", dns.TypePTR),
		new(dns.Msg).SetQuestion("4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa.", dns.TypePTR),
		new(dns.Msg).SetQuestion("example.com.", dns.TypeTXT),
		new(dns.Msg).SetNotify("example.com."),
		edns,
	} {
		f.Add(pack(m), false)
		f.Add(pack(m), true)
	}
	s := newServer(Config{Names: peers(), Upstreams: func() []Upstream { return nil }})
	f.Fuzz(func(t *testing.T, raw []byte, tcp bool) {
		network := map[bool]string{false: "udp", true: "tcp"}[tcp]
		before := bytes.Clone(raw)
		q, answer := read(raw, network)
		size := dns.MinMsgSize
		if q != nil {
			size = q.size()
			if answer = s.own(q); answer == nil {
				answer = s.forward(t.Context(), q)
			}
			if answer == nil {
				t.Fatalf("%x is a query and has no answer", raw)
			}
		}
		if !bytes.Equal(raw, before) {
			t.Fatalf("%x became %x", before, raw)
		}
		if answer == nil {
			return
		}
		m := unpack(t, answer)
		if !m.Response || m.Id != header(raw).Id || len(answer) > size || m.IsEdns0() != nil {
			t.Fatalf("%d bytes of at most %d answer %x:\n%s", len(answer), size, raw, m)
		}
	})
}

func FuzzUpstream(f *testing.F) {
	ok := new(dns.Msg).SetQuestion("eXample.com.", dns.TypeA)
	ok.Id, ok.Response = 0, true
	f.Add(pack(ok), false)
	f.Add(pack(ok), true)
	f.Add(append(pack(ok), make([]byte, 1000)...), false)
	f.Add(pack(new(dns.Msg).SetRcode(ok, dns.RcodeServerFailure)), false)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, answer []byte, tcp bool) {
		network := map[bool]string{false: "udp", true: "tcp"}[tcp]
		u := Upstream{netip.MustParseAddrPort("127.0.0.53:53"), func(context.Context, string, string) (net.Conn, error) {
			return &echo{answer: answer, tcp: tcp}, nil
		}}
		s := newServer(Config{Upstreams: func() []Upstream { return []Upstream{u} }})
		q := something(t, network)
		got := s.forward(t.Context(), q)
		if len(got) < headerLen || header(got).Id != q.msg.Id || len(got) > q.size() || !q.answeredBy(q.msg.Id, got) {
			t.Fatalf("%x became %x", answer, got)
		}
	})
}

// echo is a connection to a server that answers the same to every query, but
// for the id, and then hangs up.
type echo struct {
	net.Conn
	answer []byte
	tcp    bool
	unread bytes.Buffer
	read   bool
}

func (e *echo) Write(q []byte) (int, error) {
	n := len(q)
	a := bytes.Clone(e.answer)
	if e.tcp {
		q = q[2:]
	}
	copy(a, q[:2])
	if e.tcp {
		return n, writeMessage(&e.unread, a[:min(len(a), dns.MaxMsgSize-1)])
	}
	e.unread.Write(a)
	return n, nil
}

func (e *echo) Read(b []byte) (int, error) {
	if e.tcp {
		return e.unread.Read(b)
	}
	if e.read {
		return 0, net.ErrClosed
	}
	e.read = true
	return copy(b, e.unread.Bytes()), nil
}

func (e *echo) Close() error { return nil }
