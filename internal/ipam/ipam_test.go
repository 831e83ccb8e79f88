package ipam_test

import (
	"encoding/binary"
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

func TestPoolsAreDockersInItsOrder(t *testing.T) {
	t.Parallel()
	pools := ipam.Pools()
	if len(pools) != 31 {
		t.Fatalf("%d pools, not 31", len(pools))
	}
	for i, want := range map[int]string{
		0: "172.17.0.0/16", 1: "172.18.0.0/16", 14: "172.31.0.0/16",
		15: "192.168.0.0/20", 16: "192.168.16.0/20", 30: "192.168.240.0/20",
	} {
		if pools[i] != prefix(want) {
			t.Errorf("pool %d is %s, not %s", i, pools[i], want)
		}
	}
	for i, p := range pools {
		if p != p.Masked() || !p.Addr().IsPrivate() {
			t.Errorf("%s is no private network", p)
		}
		if slices.ContainsFunc(pools[:i], p.Overlaps) {
			t.Errorf("%s overlaps an earlier pool", p)
		}
	}
}

func TestPoolPassesOverWhatIsTaken(t *testing.T) {
	t.Parallel()
	all := func(ps ...string) (taken []ipam.Taken) {
		for _, p := range ps {
			taken = append(taken, ipam.Taken{Prefix: prefix(p), By: p})
		}
		return taken
	}
	for name, tt := range map[string]struct {
		taken []ipam.Taken
		want  string
	}{
		"nothing taken":              {nil, "172.17.0.0/16"},
		"Docker runs":                {all("172.17.0.0/16"), "172.18.0.0/16"},
		"a part of it":               {all("172.17.255.128/25"), "172.18.0.0/16"},
		"one address of it":          {all("172.17.0.1/32"), "172.18.0.0/16"},
		"more than it":               {all("172.16.0.0/12"), "192.168.0.0/20"},
		"a gap":                      {all("172.18.0.0/16", "172.17.3.0/24", "172.20.0.0/16"), "172.19.0.0/16"},
		"others":                     {all("10.0.0.0/8", "192.0.2.0/24", "fd00::/8"), "172.17.0.0/16"},
		"a default route of a VPN":   {all("128.0.0.0/2"), "192.168.0.0/20"},
		"half of the space of a VPN": {all("172.16.0.0/12", "192.168.0.0/17"), "192.168.128.0/20"},
	} {
		if got, err := ipam.Pool(tt.taken); err != nil || got != prefix(tt.want) {
			t.Errorf("%s: %s, %v; not %s", name, got, err, tt.want)
		}
	}
	if got, err := ipam.Pool(all("172.16.0.0/12", "192.168.0.0/16")); err == nil {
		t.Errorf("with all pools taken: %s", got)
	}
}

func TestConflictNamesTheHolder(t *testing.T) {
	t.Parallel()
	taken := []ipam.Taken{{Prefix: prefix("10.1.0.0/16"), By: "vpn0"}, {Prefix: prefix("172.17.0.0/16"), By: "docker0"}}
	for p, want := range map[string]string{
		"172.17.4.0/24":  "docker0",
		"172.16.0.0/12":  "docker0",
		"0.0.0.0/0":      "vpn0",
		"172.18.0.0/16":  "",
		"10.0.0.0/16":    "",
		"fd00::/64":      "",
		"10.1.255.255/8": "vpn0", // not masked
	} {
		got, hit := ipam.Conflict(prefix(p), taken)
		if got.By != want || hit != (want != "") {
			t.Errorf("%s conflicts with %q, not %q", p, got.By, want)
		}
	}
}

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

func TestAChosenIPv6PoolIsTheFirstFree(t *testing.T) {
	t.Parallel()
	ula := prefix("fd12:3456:789a::/48")
	for name, tt := range map[string]struct {
		taken []string
		want  string // "" = none is free
	}{
		"nothing taken":      {nil, "fd12:3456:789a::/64"},
		"the first":          {[]string{"fd12:3456:789a::/64"}, "fd12:3456:789a:1::/64"},
		"an address of it":   {[]string{"fd12:3456:789a::5/128", "fd12:3456:789a:2::/63"}, "fd12:3456:789a:1::/64"},
		"a gap":              {[]string{"fd12:3456:789a::/56", "fd12:3456:789a:101::/64"}, "fd12:3456:789a:100::/64"},
		"those of others":    {[]string{"172.16.0.0/12", "fd12:3456:789b::/48", "::/128"}, "fd12:3456:789a::/64"},
		"all but one":        {[]string{"fd12:3456:789a::/49", "fd12:3456:789a:8000::/50", "fd12:3456:789a:c000::/51", "fd12:3456:789a:e001::/64"}, "fd12:3456:789a:e000::/64"},
		"a VPN to all local": {[]string{"fc00::/7"}, ""},
	} {
		var taken []ipam.Taken
		for _, p := range tt.taken {
			taken = append(taken, ipam.Taken{Prefix: prefix(p)})
		}
		got, err := ipam.Pool6(ula, taken)
		if (err == nil) != (tt.want != "") || err == nil && got != prefix(tt.want) {
			t.Errorf("%s: %s, %v; not %q", name, got, err, tt.want)
		}
	}
}

func TestAChosenPoolConflictsWithNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var taken []ipam.Taken
		for range rapid.IntRange(0, 40).Draw(t, "how many") {
			p := rapid.OneOf(
				rapid.SampledFrom(ipam.Pools()),
				rapid.Custom(func(t *rapid.T) netip.Prefix { return subnet(t, 8, 32) }),
			).Draw(t, "taken")
			taken = append(taken, ipam.Taken{Prefix: p})
		}
		got, err := ipam.Pool(taken)
		for _, p := range ipam.Pools() {
			_, hit := ipam.Conflict(p, taken)
			if err == nil && p == got {
				if hit {
					t.Fatalf("%s is taken", got)
				}
				return
			}
			if !hit {
				t.Fatalf("%s is free and was passed over (%v)", p, err)
			}
		}
		if err == nil {
			t.Fatalf("%s is no pool", got)
		}
	})
}

func TestMACIsDockers(t *testing.T) {
	t.Parallel()
	for a, want := range map[string]string{
		"172.17.0.2":           "02:42:ac:11:00:02",
		"fd00::2":              "02:42:00:00:00:02",
		"fd00:1::1:0:0:2":      "02:42:00:01:00:02",
		"2001:db8::a:b:c0a8:2": "02:42:c0:a2:00:09",
	} {
		if got := ipam.MAC(addr(a)).String(); got != want {
			t.Errorf("of %s: %s, not %s", a, got, want)
		}
	}
}

// Those that are given in a row differ in their last 32 bits.
func TestNoTwoAddressesInARowHaveTheSameMAC(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		subnet := subnet6(t, 64, 96)
		a := rapid.Uint32().Draw(t, "one")
		b := rapid.Uint32().Filter(func(b uint32) bool { return a != b }).Draw(t, "another")
		at := func(n uint32) netip.Addr {
			ip := subnet.Masked().Addr().As16()
			binary.BigEndian.PutUint32(ip[12:], n)
			return netip.AddrFrom16(ip)
		}
		if one, other := ipam.MAC(at(a)), ipam.MAC(at(b)); one.String() == other.String() {
			t.Errorf("%s and %s have the same: %s", at(a), at(b), one)
		}
	})
}
