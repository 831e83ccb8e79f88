package ipam_test

import (
	"maps"
	"net/netip"
	"slices"
	"testing"

	"go4.org/netipx"
	"pgregory.net/rapid"

	"github.com/minibridge/minibridge/internal/ipam"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }

func TestAddress(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		subnet, gateway string
		taken           []string
		want            string // "" = none is free
	}{
		"the first after the gateway":       {"172.17.0.0/16", "172.17.0.1", nil, "172.17.0.2"},
		"the next":                          {"172.17.0.0/16", "172.17.0.1", []string{"172.17.0.2"}, "172.17.0.3"},
		"a gap":                             {"172.17.0.0/16", "172.17.0.1", []string{"172.17.0.2", "172.17.0.4"}, "172.17.0.3"},
		"a gateway elsewhere":               {"10.0.0.0/29", "10.0.0.6", nil, "10.0.0.1"},
		"a gateway in the middle":           {"10.0.0.0/29", "10.0.0.2", []string{"10.0.0.1"}, "10.0.0.3"},
		"no gateway":                        {"10.0.0.0/29", "", nil, "10.0.0.1"},
		"the last one":                      {"10.0.0.0/30", "10.0.0.1", nil, "10.0.0.2"},
		"full":                              {"10.0.0.0/30", "10.0.0.1", []string{"10.0.0.2"}, ""},
		"not masked":                        {"10.0.0.200/24", "10.0.0.1", nil, "10.0.0.2"},
		"over a byte's end":                 {"10.0.0.0/22", "10.0.0.1", until("10.0.0.0", "10.0.0.255"), "10.0.1.0"},
		"two addresses":                     {"10.0.0.0/31", "10.0.0.0", nil, "10.0.0.1"},
		"two addresses, both taken":         {"10.0.0.0/31", "10.0.0.0", []string{"10.0.0.1"}, ""},
		"one address":                       {"10.0.0.7/32", "10.0.0.7", nil, ""},
		"the end of the address space":      {"255.255.255.252/30", "255.255.255.253", nil, "255.255.255.254"},
		"the end of the address space, /32": {"255.255.255.255/32", "255.255.255.255", nil, ""},
		"IPv6":                              {"fd00:1::/64", "fd00:1::1", nil, "fd00:1::2"},
		"IPv6, a gap":                       {"fd00:1::/64", "fd00:1::1", []string{"fd00:1::2", "fd00:1::4"}, "fd00:1::3"},
		"IPv6, all of it":                   {"::/0", "::1", until("::2", "::ff"), "::100"},
		"IPv6, no broadcast":                {"fd00:1::/126", "fd00:1::1", []string{"fd00:1::2"}, "fd00:1::3"},
		"IPv6, two addresses":               {"fd00:1::/127", "fd00:1::", nil, "fd00:1::1"},
		"IPv6, one address":                 {"fd00:1::7/128", "fd00:1::7", nil, ""},
		"IPv6, the end of it":               {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc/126", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffd", []string{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"}, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	} {
		gateway := netip.Addr{}
		if tt.gateway != "" {
			gateway = addr(tt.gateway)
		}
		taken := map[netip.Addr]bool{}
		for _, a := range tt.taken {
			taken[addr(a)] = true
		}
		got, ok := ipam.Plot{Subnet: prefix(tt.subnet), Gateway: gateway}.Free(taken)
		if ok != (tt.want != "") || ok && got != addr(tt.want) {
			t.Errorf("%s: %s, %v; not %q", name, got, ok, tt.want)
		}
	}
}

func gatewayOf(subnet netip.Prefix) netip.Addr {
	g, _ := ipam.Plot{Subnet: subnet}.FirstGateway()
	return g
}

func TestAPlotWithARange(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		plot          ipam.Plot
		gateway, next string
	}{
		"the gateway is the first of the range": {ipam.Plot{Subnet: prefix("10.51.1.0/24"), Range: prefix("10.51.1.8/29")}, "10.51.1.8", "10.51.1.9"},
		"a range may begin with .0":             {ipam.Plot{Subnet: prefix("172.28.0.0/16"), Range: prefix("172.28.5.0/24"), Gateway: addr("172.28.5.254")}, "172.28.5.0", "172.28.5.0"},
		"a range at the subnet's begin":         {ipam.Plot{Subnet: prefix("10.0.0.0/24"), Range: prefix("10.0.0.0/30")}, "10.0.0.1", "10.0.0.2"},
		"a range of IPv6":                       {ipam.Plot{Subnet: prefix("fd00:1::/64"), Range: prefix("fd00:1::8000/113")}, "fd00:1::8000", "fd00:1::8001"},
		"one address of IPv6 is all gateway":    {ipam.Plot{Subnet: prefix("fd00:1::/127"), Aux: []netip.Addr{addr("fd00:1::1")}, Range: prefix("fd00:1::/127")}, "fd00:1::", ""},
		"auxiliary addresses are nobody's":      {ipam.Plot{Subnet: prefix("10.0.0.0/24"), Aux: []netip.Addr{addr("10.0.0.1"), addr("10.0.0.3")}}, "10.0.0.2", "10.0.0.4"},
	} {
		gateway, ok := tt.plot.FirstGateway()
		if !ok || gateway != addr(tt.gateway) {
			t.Errorf("%s: gateway %s, %v", name, gateway, ok)
		}
		if !tt.plot.Gateway.IsValid() {
			tt.plot.Gateway = gateway
		}
		if next, ok := tt.plot.Free(nil); ok != (tt.next != "") || ok && next != addr(tt.next) {
			t.Errorf("%s: first address %s, %v", name, next, ok)
		}
	}
}

func until(first, last string) (all []string) {
	for a := addr(first); a.Compare(addr(last)) <= 0; a = a.Next() {
		all = append(all, a.String())
	}
	return all
}

func TestEveryAddressOfASubnetIsGivenOnceLowestFirst(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		subnet := subnet(t, 22, 32)
		if rapid.Bool().Draw(t, "IPv6") {
			subnet = subnet6(t, 118, 128)
		}
		all := netipx.RangeOfPrefix(subnet)
		gateway := gatewayOf(subnet)
		taken := map[netip.Addr]bool{}
		previous := netip.Addr{}
		for {
			a, ok := ipam.Plot{Subnet: subnet, Gateway: gateway}.Free(taken)
			if !ok {
				break
			}
			switch {
			case taken[a]:
				t.Fatalf("%s was given twice", a)
			case !subnet.Contains(a) || a == gateway || subnet.Bits() < a.BitLen()-1 && (a == all.From() || a.Is4() && a == all.To()):
				t.Fatalf("%s of %s was given", a, subnet)
			case !previous.Less(a):
				t.Fatalf("%s after %s", a, previous)
			}
			taken[a], previous = true, a
		}
		host := gateway.BitLen() - subnet.Bits()
		want := 1<<host - 1 // the gateway
		if host > 1 {
			want-- // the network's own address
		}
		if host > 1 && gateway.Is4() {
			want-- // broadcast
		}
		if len(taken) != want {
			t.Fatalf("%d addresses of %s were given, not %d", len(taken), subnet, want)
		}
	})
}

func TestAddressesComeAndGo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		subnet := subnet(t, 26, 30)
		if rapid.Bool().Draw(t, "IPv6") {
			subnet = subnet6(t, 32, 125)
		}
		gateway := gatewayOf(subnet)
		taken := map[netip.Addr]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"give": func(t *rapid.T) {
				a, ok := ipam.Plot{Subnet: subnet, Gateway: gateway}.Free(taken)
				if !ok {
					t.Skip("full")
				}
				for lower := gateway.Next(); lower != a; lower = lower.Next() {
					if !taken[lower] {
						t.Fatalf("%s was given while %s is free", a, lower)
					}
				}
				taken[a] = true
			},
			"take back": func(t *rapid.T) {
				given := slices.SortedFunc(maps.Keys(taken), netip.Addr.Compare)
				if len(given) == 0 {
					t.Skip("nothing given")
				}
				delete(taken, rapid.SampledFrom(given).Draw(t, "address"))
			},
		})
	})
}

// subnet is any IPv4 one with a length between the two.
func subnet(t *rapid.T, short, long int) netip.Prefix {
	b := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")
	bits := rapid.IntRange(short, long).Draw(t, "bits")
	return netip.PrefixFrom(netip.AddrFrom4([4]byte(b)), bits)
}

// subnet6 is the same for IPv6.
func subnet6(t *rapid.T, short, long int) netip.Prefix {
	b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")
	bits := rapid.IntRange(short, long).Draw(t, "bits")
	return netip.PrefixFrom(netip.AddrFrom16([16]byte(b)), bits)
}

func TestTheRangeOfAMachine(t *testing.T) {
	t.Parallel()
	const id = "0123456789abcdef0123456789abcdef"
	ula := ipam.ULA(id)
	if ula != ula.Masked() || ula.Bits() != 48 || !prefix("fd00::/8").Contains(ula.Addr()) {
		t.Errorf("%s is no local /48 (RFC 4193)", ula)
	}
	if again, other := ipam.ULA(id), ipam.ULA("f"+id[1:]); again != ula || other == ula {
		t.Errorf("%s, then %s; another machine has %s", ula, again, other)
	}
	if ula != prefix("fdaf:56a7:e328::/48") {
		t.Errorf("%s: it has had another so far", ula)
	}
}
