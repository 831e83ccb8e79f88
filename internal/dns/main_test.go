package dns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/minibridge/minibridge/internal/hosttest"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

func addrs(list ...string) (addrs []netip.Addr) {
	for _, a := range list {
		addrs = append(addrs, netip.MustParseAddr(a))
	}
	return addrs
}

// peers are what most tests ask about: w1 asks, on the networks n1 and n2.
func peers() *Table {
	return NewTable([]Network{
		{Name: "n1", Peers: []Peer{
			{Names: []string{"w1", "web", "0123456789ab", "host.example"}, Addrs: addrs("172.18.0.2")},
			{Names: []string{"w2", "web", "a.b"}, Addrs: addrs("172.18.0.3")},
			{Names: []string{"six"}, Addrs: addrs("172.18.0.4", "fd00::4")},
		}},
		{Name: "N2", Peers: []Peer{
			{Names: []string{"w1"}, Addrs: addrs("172.19.0.2")},
			{Names: []string{"w3"}, Addrs: addrs("172.19.0.3")},
		}},
	})
}

const own = "127.0.0.11:53"

// sockets are what a server listens on.
func sockets(t testing.TB, addr string) (*net.UDPConn, net.Listener) {
	t.Helper()
	udp, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	return udp, tcp
}

// start serves c at 127.0.0.11:53 of the machine until the test ends.
func start(t testing.TB, c Config) {
	t.Helper()
	udp, tcp := sockets(t, own)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- Serve(ctx, c, udp, tcp) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A fake is an upstream server that remembers what it was asked.
type fake struct {
	Upstream
	mu    sync.Mutex
	asked []string // network and question
}

func (f *fake) questions() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

// upstream starts a server at 127.0.0.N:53 of the machine.
func upstream(t testing.TB, n int, answer func(w dns.ResponseWriter, q *dns.Msg)) *fake {
	t.Helper()
	addr := fmt.Sprintf("127.0.0.%d:53", n)
	f := &fake{Upstream: Upstream{netip.MustParseAddrPort(addr), new(net.Dialer).DialContext}}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		f.mu.Lock()
		f.asked = append(f.asked, w.LocalAddr().Network()+" "+question(q))
		f.mu.Unlock()
		answer(w, q)
	})
	udp, tcp := sockets(t, addr)
	enlarge(udp)
	for _, server := range []*dns.Server{{PacketConn: udp}, {Listener: tcp}} {
		started, ended := make(chan struct{}), make(chan error)
		server.Handler, server.NotifyStartedFunc = handler, func() { close(started) }
		go func() { ended <- server.ActivateAndServe() }()
		select {
		case <-started:
		case err := <-ended:
			t.Fatal(err)
		}
		t.Cleanup(func() {
			server.Shutdown()
			<-ended
		})
	}
	return f
}

func question(m *dns.Msg) string {
	q := m.Question[0]
	return q.Name + " " + dns.TypeToString[q.Qtype]
}

// known answers any question as a server somewhere would.
func known(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	record, err := dns.NewRR(q.Question[0].Name + ` 7 TXT "from ` + w.LocalAddr().String() + `"`)
	if err != nil {
		panic(err)
	}
	m.Answer = append(m.Answer, record)
	w.WriteMsg(m)
}

// answers makes a server that answers any question by an error.
func answers(rcode int) func(dns.ResponseWriter, *dns.Msg) {
	return func(w dns.ResponseWriter, q *dns.Msg) { w.WriteMsg(new(dns.Msg).SetRcode(q, rcode)) }
}

func list(fakes ...*fake) func() []Upstream {
	var l []Upstream
	for _, f := range fakes {
		l = append(l, f.Upstream)
	}
	return func() []Upstream { return l }
}

func ask(t testing.TB, network, name string, qtype uint16) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	return exchange(t, network, m)
}

func exchange(t testing.TB, network string, m *dns.Msg) *dns.Msg {
	t.Helper()
	c := dns.Client{Net: network, Timeout: 20 * time.Second}
	answer, _, err := c.Exchange(m, own)
	if err != nil {
		t.Fatalf("%s by %s: %v", question(m), network, err)
	}
	if question(answer) != question(m) || answer.Id != m.Id || !answer.Response {
		t.Fatalf("answer to %s is\n%s", question(m), answer)
	}
	return answer
}

// show is an answer on a line: result, flags, records.
func show(m *dns.Msg) string {
	s := []string{dns.RcodeToString[m.Rcode]}
	for _, flag := range []struct {
		name string
		set  bool
	}{{"aa", m.Authoritative}, {"tc", m.Truncated}, {"rd", m.RecursionDesired}, {"ra", m.RecursionAvailable}, {"ad", m.AuthenticatedData}, {"cd", m.CheckingDisabled}} {
		if flag.set {
			s = append(s, flag.name)
		}
	}
	var records []string
	for _, r := range slices.Concat(m.Answer, m.Ns, m.Extra) {
		records = append(records, strings.ReplaceAll(r.String(), "\t", " "))
	}
	slices.Sort(records) // they come shuffled
	return strings.Join(append([]string{strings.Join(s, " ")}, records...), ", ")
}
