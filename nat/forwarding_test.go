package nat_test

import (
	"slices"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
)

// Whatever keeps iptables from forwarding everything is found, in either
// variant, and nothing else is.
func TestForwarding(t *testing.T) {
	for script, want := range map[string][]nat.Family{
		":":                                nil,
		"iptables -S; ip6tables -S":        nil,
		"iptables -A INPUT -j DROP":        nil,
		"iptables -t nat -A OUTPUT -j LOG": nil,
		"iptables -P FORWARD DROP":         {nat.IPv4},
		"iptables -A FORWARD -i x -j DROP": {nat.IPv4},
		"ip6tables -P FORWARD DROP":        {nat.IPv6},
		"iptables -P FORWARD DROP; ip6tables -A FORWARD -j DROP": {nat.IPv4, nat.IPv6},
	} {
		t.Run(script, func(t *testing.T) {
			eachVariant(t, func(t *testing.T, m *hosttest.Machine) {
				m.Sh(t, script)
				have, err := nat.Forwarding()
				if err != nil || !slices.Equal(have, want) {
					t.Errorf("%q, %v; want %q", have, err, want)
				}
			})
		})
	}
}

func TestForeignChains(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, `iptables -P FORWARD DROP; ip6tables -t mangle -A FORWARD -j DROP
nft 'add table inet open; add chain inet open forward { type filter hook forward priority 0; }'
nft 'add table inet open; add chain inet open input { type filter hook input priority 0; policy drop; }'
nft 'add table inet firewalld; add chain inet firewalld filter_FORWARD { type filter hook forward priority 10; }; add rule inet firewalld filter_FORWARD reject'
nft 'add table ip closed; add chain ip closed pass { type filter hook forward priority 0; policy drop; }'`)
		for _, line := range nat.Nftables().Host() {
			if err := line.Apply(); err != nil {
				t.Fatal(err)
			}
		}
		have, err := nat.ForeignChains()
		if want := []string{"inet firewalld filter_FORWARD", "ip closed pass"}; err != nil || !slices.Equal(have, want) {
			t.Errorf("%q, %v; want %q", have, err, want)
		}
	})
}
