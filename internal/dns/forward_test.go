package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// from shows an answer of [known] as what it is from.
func from(m *dns.Msg) string {
	s := show(m)
	if _, server, ok := strings.Cut(s, `"from `); ok {
		return strings.TrimSuffix(server, `"`)
	}
	return s
}

func TestUpstreamsAreAskedInOrder(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		good, last := upstream(t, 53, known), upstream(t, 60, known)
		failing, refusing := upstream(t, 54, answers(dns.RcodeServerFailure)), upstream(t, 55, answers(dns.RcodeRefused))
		unknown := upstream(t, 56, answers(dns.RcodeNameError))
		empty := upstream(t, 57, answers(dns.RcodeSuccess))
		closed := &fake{Upstream: Upstream{netip.MustParseAddrPort("127.0.0.58:53"), new(net.Dialer).DialContext}}
		unreachable := &fake{Upstream: Upstream{netip.MustParseAddrPort("127.0.0.59:53"), func(context.Context, string, string) (net.Conn, error) {
			return nil, unix.ENETUNREACH
		}}}
		var now atomic.Pointer[[]Upstream] // read anew for each query
		start(t, Config{Names: peers(), Upstreams: func() []Upstream { return *now.Load() }})
		for name, tt := range map[string]struct {
			list []*fake
			want string
		}{
			"one":                  {[]*fake{good}, "127.0.0.53:53"},
			"the first":            {[]*fake{good, last}, "127.0.0.53:53"},
			"one fails":            {[]*fake{failing, good, last}, "127.0.0.53:53"},
			"two refuse":           {[]*fake{refusing, refusing, good}, "127.0.0.53:53"},
			"nobody listens":       {[]*fake{closed, good}, "127.0.0.53:53"},
			"no way there":         {[]*fake{unreachable, good}, "127.0.0.53:53"},
			"no such name":         {[]*fake{unknown, good}, "NXDOMAIN rd"},
			"no such record":       {[]*fake{empty, good}, "NOERROR rd"},
			"the fourth is good":   {[]*fake{failing, refusing, closed, good}, "SERVFAIL rd"},
			"all fail":             {[]*fake{failing, unreachable}, "SERVFAIL rd"},
			"the last one refuses": {[]*fake{failing, refusing}, "SERVFAIL rd"},
			"none":                 {nil, "SERVFAIL rd"},
		} {
			l := list(tt.list...)()
			now.Store(&l)
			for _, network := range []string{"udp", "tcp"} {
				if got := from(ask(t, network, "example.com.", dns.TypeTXT)); got != tt.want {
					t.Errorf("%s, by %s: %s; want %s", name, network, got, tt.want)
				}
			}
		}
		if asked := last.questions(); asked != nil {
			t.Errorf("behind a server that answers, one was asked %v", asked)
		}
	})
}

func TestQueriesAndAnswersPassUnchanged(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		var seen atomic.Pointer[dns.Msg]
		up := upstream(t, 53, func(w dns.ResponseWriter, q *dns.Msg) {
			seen.Store(q.Copy())
			m := new(dns.Msg).SetReply(q)
			m.AuthenticatedData, m.RecursionAvailable = true, true
			m.SetEdns0(1400, true)
			w.WriteMsg(m)
		})
		start(t, Config{Names: peers(), Upstreams: list(up)})
		q := new(dns.Msg).SetQuestion("eXample.com.", dns.TypeA)
		q.CheckingDisabled = true
		q.SetEdns0(1232, true)
		q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"})
		ids := map[uint16]bool{}
		for range 8 {
			answer := exchange(t, "udp", q)
			if got := show(answer); !strings.HasPrefix(got, "NOERROR rd ra ad cd, ") || answer.IsEdns0().UDPSize() != 1400 {
				t.Errorf("the answer came as %s", got)
			}
			sent := seen.Load()
			ids[sent.Id] = true
			sent.Id = q.Id
			if sent.String() != q.String() {
				t.Errorf("the server got\n%s\nof\n%s", sent, q)
			}
		}
		if len(ids) < 7 {
			t.Errorf("ids of the queries were %v", ids)
		}
	})
}

func TestWhatIsNoAnswerIsIgnored(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		forged := func(w dns.ResponseWriter, q *dns.Msg) {
			write := func(change func(m *dns.Msg)) {
				m := new(dns.Msg).SetReply(q)
				m.Rcode = dns.RcodeNameError
				change(m)
				w.WriteMsg(m)
			}
			write(func(m *dns.Msg) { m.Id++ })
			write(func(m *dns.Msg) { m.Response = false })
			write(func(m *dns.Msg) { m.Question[0].Name = "example.org." })
			write(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeA })
			write(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassANY })
			write(func(m *dns.Msg) { m.Question = nil })
			write(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) })
			w.Write(nil)
			w.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
			known(w, q)
		}
		up := upstream(t, 53, forged)
		start(t, Config{Names: peers(), Upstreams: list(up, upstream(t, 54, known))})
		if got := from(ask(t, "udp", "example.com.", dns.TypeTXT)); got != "127.0.0.53:53" {
			t.Errorf("by udp: %s", got)
		}
		if got := from(ask(t, "tcp", "example.com.", dns.TypeTXT)); got != "127.0.0.54:53" {
			t.Errorf("by tcp, where nobody can forge, it goes to the next: %s", got)
		}
	})
}

func TestAServerMayLeaveOutTheQuestionWhenItFails(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		bare := upstream(t, 53, func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg).SetRcode(q, dns.RcodeRefused)
			m.Question = nil
			w.WriteMsg(m)
		})
		start(t, Config{Names: peers(), Upstreams: list(bare, upstream(t, 54, known))})
		if got := from(ask(t, "udp", "example.com.", dns.TypeTXT)); got != "127.0.0.54:53" {
			t.Error(got)
		}
	})
}

func TestTruncatedAnswersLeadToTCP(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		up := upstream(t, 53, func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg).SetReply(q)
			for range 40 {
				m.Answer = append(m.Answer, &dns.A{
					Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 7},
					A:   net.IPv4(203, 0, 113, 1),
				})
			}
			if q.Question[0].Name == "polite." && w.LocalAddr().Network() == "udp" {
				m.Truncate(dns.MinMsgSize)
			}
			w.WriteMsg(m)
		})
		start(t, Config{Names: peers(), Upstreams: list(up)})
		for name, records := range map[string]int{"polite.": 30, "rude.": 0} {
			if a := ask(t, "udp", name, dns.TypeA); !a.Truncated || len(a.Answer) != records {
				t.Errorf("%s by udp: %s", name, show(a))
			}
			if a := ask(t, "tcp", name, dns.TypeA); a.Truncated || len(a.Answer) != 40 {
				t.Errorf("%s by tcp: %s", name, show(a))
			}
		}
		if asked := up.questions(); len(asked) != 4 || slices.IndexFunc(asked, func(s string) bool { return s == "tcp rude. A" }) < 0 {
			t.Errorf("the server was asked %v", asked)
		}
	})
}

func TestServeEndsWhenASocketIsClosed(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for _, which := range []string{"udp", "tcp"} {
			udp, tcp := sockets(t, own)
			ended := make(chan error)
			go func() { ended <- Serve(context.Background(), Config{Names: peers()}, udp, tcp) }()
			if which == "udp" {
				udp.Close()
			} else {
				tcp.Close()
			}
			if err := <-ended; !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: %v", which, err)
			}
		}
	})
}

// Whatever the server waits for, it ends at once.
func TestServeEndsInTheMiddle(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		asked := make(chan struct{}, 4)
		silent := upstream(t, 53, func(dns.ResponseWriter, *dns.Msg) { asked <- struct{}{} })
		udp, tcp := sockets(t, own)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- Serve(ctx, Config{Names: peers(), Upstreams: list(silent)}, udp, tcp) }()
		for _, network := range []string{"udp", "tcp"} {
			conn, err := dns.Dial(network, own)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.WriteMsg(new(dns.Msg).SetQuestion("example.com.", dns.TypeA)); err != nil {
				t.Fatal(err)
			}
			<-asked
		}
		idle, err := net.Dial("tcp", own)
		if err != nil {
			t.Fatal(err)
		}
		defer idle.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
