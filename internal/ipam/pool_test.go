package ipam_test

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/minibridge/minibridge/internal/ipam"
)

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
