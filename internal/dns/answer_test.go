package dns

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/minibridge/minibridge/internal/hosttest"
)

const forwarded = "forwarded"

func TestAnswers(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		up := upstream(t, 53, known)
		start(t, Config{Names: peers(), Upstreams: list(up)})
		for _, tt := range []struct {
			name  string
			qtype uint16
			want  string
		}{
			{"w2.", dns.TypeA, "NOERROR rd ra, w2. 600 IN A 172.18.0.3"},
			{"W2.", dns.TypeA, "NOERROR rd ra, W2. 600 IN A 172.18.0.3"},
			{"w1.", dns.TypeA, "NOERROR rd ra, w1. 600 IN A 172.18.0.2"}, // of its first network
			{"w1.n2.", dns.TypeA, "NOERROR rd ra, w1.n2. 600 IN A 172.19.0.2"},
			{"w1.N1.", dns.TypeA, "NOERROR rd ra, w1.N1. 600 IN A 172.18.0.2"},
			{"w3.", dns.TypeA, "NOERROR rd ra, w3. 600 IN A 172.19.0.3"},
			{"web.", dns.TypeA, "NOERROR rd ra, web. 600 IN A 172.18.0.2, web. 600 IN A 172.18.0.3"},
			{"web.n1.", dns.TypeA, "NOERROR rd ra, web.n1. 600 IN A 172.18.0.2, web.n1. 600 IN A 172.18.0.3"},
			{"0123456789ab.", dns.TypeA, "NOERROR rd ra, 0123456789ab. 600 IN A 172.18.0.2"},
			{"host.example.", dns.TypeA, "NOERROR rd ra, host.example. 600 IN A 172.18.0.2"},
			{"host.example.n1.", dns.TypeA, "NOERROR rd ra, host.example.n1. 600 IN A 172.18.0.2"},
			{"six.", dns.TypeAAAA, "NOERROR rd ra, six. 600 IN AAAA fd00::4"},
			{"six.", dns.TypeA, "NOERROR rd ra, six. 600 IN A 172.18.0.4"},

			{"w2.", dns.TypeAAAA, "NOERROR rd ra"},
			{"w2.n1.", dns.TypeAAAA, "NOERROR rd ra"},
			{"w2.", dns.TypeMX, "NOERROR rd ra"},
			{"w2.n1.", dns.TypeMX, "NOERROR rd ra"},
			{"w2.", dns.TypeTXT, "NOERROR rd ra"}, // the name stays here
			{"w2.", dns.TypeHTTPS, "NOERROR rd ra"},
			{"w2.", dns.TypeANY, "NOERROR rd ra"},
			{"w2.n1.", dns.TypeTXT, forwarded},
			{"host.example.", dns.TypeTXT, forwarded},
			{"host.example.", dns.TypeANY, forwarded},

			{"nobody.", dns.TypeA, forwarded},
			{"nobody.", dns.TypeAAAA, forwarded},
			{"nobody.", dns.TypeMX, forwarded},
			{"nobody.", dns.TypeTXT, forwarded},
			{"nobody.n1.", dns.TypeA, forwarded},
			{"w2.n2.", dns.TypeA, forwarded},
			{"w2.n3.", dns.TypeA, forwarded},
			{`w2\.n1.`, dns.TypeA, forwarded}, // one label
			{"0123456789.", dns.TypeA, forwarded},
			{"localhost.", dns.TypeA, forwarded},
			{".", dns.TypeA, forwarded},

			{"3.0.18.172.in-addr.arpa.", dns.TypePTR, "NOERROR rd ra, 3.0.18.172.in-addr.arpa. 600 IN PTR w2.n1."},
			{"3.0.18.172.IN-ADDR.arpa.", dns.TypePTR, "NOERROR rd ra, 3.0.18.172.IN-ADDR.arpa. 600 IN PTR w2.n1."},
			{"2.0.19.172.in-addr.arpa.", dns.TypePTR, "NOERROR rd ra, 2.0.19.172.in-addr.arpa. 600 IN PTR w1.N2."},
			{"4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa.", dns.TypePTR,
				"NOERROR rd ra, 4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa. 600 IN PTR six.n1."},
			{"1.0.18.172.in-addr.arpa.", dns.TypePTR, forwarded},
			{"0.18.172.in-addr.arpa.", dns.TypePTR, forwarded},
			{"4.d.f.ip6.arpa.", dns.TypePTR, forwarded},
			{"3.0.18.172.in-addr.arpa.", dns.TypeA, forwarded},
		} {
			for _, network := range []string{"udp", "tcp"} {
				before := len(up.questions())
				got := show(ask(t, network, tt.name, tt.qtype))
				if now := up.questions(); len(now) > before {
					if want := network + " " + tt.name + " " + dns.TypeToString[tt.qtype]; now[before] != want {
						t.Errorf("upstream was asked %q, not %q", now[before], want)
					}
					if got != "NOERROR rd ra, "+tt.name+` 7 IN TXT "from 127.0.0.53:53"` {
						t.Errorf("what upstream answers to %s came as %s", tt.name, got)
					}
					got = forwarded
				}
				if got != tt.want {
					t.Errorf("%s %s by %s: %s; want %s", tt.name, dns.TypeToString[tt.qtype], network, got, tt.want)
				}
			}
		}
	})
}

func TestNamesWithoutADotAreNotForwardedWhenTheUserGaveNdots(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		up := upstream(t, 53, answers(dns.RcodeNameError))
		start(t, Config{Names: peers(), Upstreams: list(up), Ndots: 1})
		for _, tt := range []struct {
			name  string
			qtype uint16
			want  string
		}{
			{"nobody.", dns.TypeA, "NOERROR rd ra"},
			{"nobody.", dns.TypeAAAA, "NOERROR rd ra"},
			{"nobody.", dns.TypeMX, "NXDOMAIN rd"},
			{"nobody.example.", dns.TypeA, "NXDOMAIN rd"},
			{"w2.", dns.TypeA, "NOERROR rd ra, w2. 600 IN A 172.18.0.3"},
		} {
			if got := show(ask(t, "udp", tt.name, tt.qtype)); got != tt.want {
				t.Errorf("%s %s: %s; want %s", tt.name, dns.TypeToString[tt.qtype], got, tt.want)
			}
		}
	})
}

func TestFlagsAreTheClients(t *testing.T) {
	t.Parallel()
	s := newServer(Config{Names: peers()})
	for _, tt := range []struct {
		header dns.MsgHdr
		want   string
	}{
		{dns.MsgHdr{}, "NOERROR ra"},
		{dns.MsgHdr{RecursionDesired: true, CheckingDisabled: true}, "NOERROR rd ra cd"},
		{dns.MsgHdr{Authoritative: true, AuthenticatedData: true, RecursionAvailable: true, Truncated: true}, "NOERROR ra"},
	} {
		m := &dns.Msg{MsgHdr: tt.header, Question: []dns.Question{{Name: "w2.", Qtype: dns.TypeMX, Qclass: dns.ClassINET}}}
		m.SetEdns0(4096, true) // not answered by one of our own
		q, _ := read(pack(m), "udp")
		if got := show(unpack(t, s.own(q))); got != tt.want {
			t.Errorf("%v: %s; want %s", tt.header, got, tt.want)
		}
	}
}

func TestOtherClassesHaveNoneOfOurAddresses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		qtype uint16
		want  string
	}{
		{"w2.", dns.TypeA, "NOERROR ra"},
		{"w2.n1.", dns.TypeA, forwarded},
		{"version.bind.", dns.TypeTXT, forwarded},
		{"3.0.18.172.in-addr.arpa.", dns.TypePTR, forwarded},
	} {
		m := &dns.Msg{Question: []dns.Question{{Name: tt.name, Qtype: tt.qtype, Qclass: dns.ClassCHAOS}}}
		q, _ := read(pack(m), "udp")
		got := forwarded
		if answer := newServer(Config{Names: peers(), Ndots: 1}).own(q); answer != nil {
			got = show(unpack(t, answer))
		}
		if got != tt.want {
			t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
		}
	}
}

func unpack(t testing.TB, b []byte) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	return m
}

func TestAddressesOfASharedNameAreShuffled(t *testing.T) {
	t.Parallel()
	s := newServer(Config{Names: peers()})
	first := map[string]int{}
	for range 200 {
		q, _ := read(pack(new(dns.Msg).SetQuestion("web.", dns.TypeA)), "udp")
		first[unpack(t, s.own(q)).Answer[0].(*dns.A).A.String()]++
	}
	if first["172.18.0.2"] < 50 || first["172.18.0.3"] < 50 {
		t.Errorf("first came %v", first)
	}
}

func TestLongAnswersAreCutByUDP(t *testing.T) {
	t.Parallel()
	var n Network
	for i := range 2000 {
		addr := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		n.Peers = append(n.Peers, Peer{Names: []string{"many"}, Addrs: []netip.Addr{addr}})
	}
	s := newServer(Config{Names: NewTable([]Network{n})})
	for _, tt := range []struct {
		network string
		edns    uint16 // no OPT if 0
		size    int
		records int
	}{
		{"udp", 0, 512, 30}, // 12 + 10 + 16 each
		{"udp", 100, 512, 30},
		{"udp", 1232, 1232, 75},
		{"udp", 65535, 40022, 2000},
		{"tcp", 0, 40022, 2000},
		{"tcp", 1232, 40022, 2000},
	} {
		m := new(dns.Msg).SetQuestion("many.", dns.TypeA)
		if tt.edns > 0 {
			m.SetEdns0(tt.edns, false)
		}
		q, _ := read(pack(m), tt.network)
		raw := s.own(q)
		answer := unpack(t, raw)
		if len(raw) > tt.size || len(answer.Answer) != tt.records || answer.Truncated != (tt.records < 2000) || answer.IsEdns0() != nil {
			t.Errorf("%s, size %d: %d bytes, %d records, tc %t", tt.network, tt.edns, len(raw), len(answer.Answer), answer.Truncated)
		}
	}
}

func TestWhatIsNoQueryIsRejected(t *testing.T) {
	t.Parallel()
	plain := pack(new(dns.Msg).SetQuestion("w2.", dns.TypeA))
	change := func(i int, b byte) []byte {
		c := slices.Clone(plain)
		c[i] = b
		return c
	}
	for name, tt := range map[string]struct {
		raw  []byte
		want string // empty if there is no answer
	}{
		"nothing":                      {nil, ""},
		"part of a header":             {plain[:11], ""},
		"an answer":                    {change(2, 0x81), ""},
		"a header":                     {plain[:12], "FORMERR rd"},
		"part of a question":           {plain[:18], "FORMERR rd"},
		"no question":                  {change(5, 0), "FORMERR rd"},
		"two questions":                {change(5, 2), "FORMERR rd"},
		"many questions":               {change(4, 255), "FORMERR rd"},
		"records that aren't there":    {change(11, 1), "FORMERR rd"},
		"a status request":             {change(2, 2<<3|1), "NOTIMP rd"},
		"a notification":               {change(2, 4<<3|1), "NOTIMP rd"},
		"an update":                    {change(2, 5<<3), "NOTIMP"},
		"a name that points to itself": {slices.Concat(plain[:12], []byte{0xC0, 12, 0, 1, 0, 1}), "FORMERR rd"},
	} {
		q, answer := read(tt.raw, "udp")
		got := ""
		if answer != nil {
			m := unpack(t, answer)
			got = show(m)
			if m.Id != header(tt.raw).Id || !m.Response || m.Opcode != opcode(header(tt.raw)) {
				t.Errorf("%s: %s", name, m)
			}
		}
		if q != nil || got != tt.want {
			t.Errorf("%s: query %v, answer %q; want %q", name, q, got, tt.want)
		}
	}
}

func TestANameThatIsNoneInDNSFails(t *testing.T) {
	t.Parallel()
	long := string(make([]byte, 64))
	s := newServer(Config{Names: NewTable([]Network{{Name: long, Peers: []Peer{{Names: []string{"w"}, Addrs: addrs("10.0.0.2")}}}})})
	q, _ := read(pack(new(dns.Msg).SetQuestion("2.0.0.10.in-addr.arpa.", dns.TypePTR)), "udp")
	if got := show(unpack(t, s.own(q))); got != "SERVFAIL rd" {
		t.Error(got)
	}
}
