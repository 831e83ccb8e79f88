package nat_test

import (
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// A container that keeps sending from one socket is not masqueraded, either,
// once the rule that somebody had flushed is there again.
func TestFlowsThatBeganUnmasked(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine, fw firewall) {
		m.Sh(t, world)
		rules := publishing(t, fw, "80:80")
		up(t, &plan.Memory{}, rules)
		serve(t, "outside", "udp", "0.0.0.0:53")
		serve(t, "", "udp", "192.0.2.1:54")
		for _, addr := range []string{"192.0.2.2:53", "192.0.2.1:54"} {
			if got := ask(t, "c2", "udp", addr, patience); got == "nothing" {
				t.Fatalf("c2 asks %s: %s", addr, got)
			}
		}
		m.Sh(t, "iptables -t nat -F MINIBRIDGE-POSTROUTING || nft flush chain inet minibridge postrouting")
		client := dialUDP(t, "c1", "192.0.2.2:53")
		if got := talk(t, client, soon); got != "nothing" {
			t.Fatalf("unmasked: %s", got)
		}
		up(t, &plan.Memory{}, rules)
		if got := talk(t, client, soon); got != "nothing" {
			t.Fatalf("before the flush: %s", got)
		}
		if err := nat.FlushUnmasked(network.Subnet, other.Subnet); err != nil {
			t.Fatal(err)
		}
		if got := talk(t, client, patience); got != "53 from 192.0.2.1" {
			t.Errorf("after it: %s", got)
		}
		if n := flowsOf(t, "172.17.0.3"); n != 2 {
			t.Errorf("%d flows of the other container, want both", n)
		}
	})
}

// As long as this process alone changes rules, it knows their state without a
// look, and that of nobody else's.
func TestMark(t *testing.T) {
	for name, backend := range map[string]func() nat.Backend{"iptables": nat.Iptables, "nftables": func() nat.Backend { return nat.Nftables() }} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				hosttest.UseIptables(t, "nft")
				m.Sh(t, world)
				b := backend()
				look := func() nat.Mark {
					t.Helper()
					mark, err := b.Mark()
					if err != nil {
						t.Fatal(err)
					}
					return mark
				}
				before, j := look(), &plan.Memory{}
				same := func(how string, want bool) {
					t.Helper()
					if now := look().Then(); (before.Now() == now) != want {
						t.Errorf("%s: %s, and the kernel says %s", how, before.Now(), now)
					}
				}
				for _, p := range []plan.Plan{b.Host(), b.Host6(), b.Network(network), b.Network(ipv6(other, "fd00:18::/64")), b.Publish(web(t, "80:80", "1000-1999:2000-2999"))} {
					up(t, j, p)
					same("up", true)
				}
				up(t, &plan.Memory{}, b.Redirect(nat.Redirect{ID: "c0ffee123456", NS: "c1", Addr: network.Subnet.Addr(), Port: 53}))
				same("in another namespace", true)
				if missing, err := b.Lacks(b.Host(), b.Network(network)); err != nil || len(missing[0])+len(missing[1]) > 0 {
					t.Errorf("missing: %s, %v", missing, err)
				}
				same("after a look at all", true)
				if err := (&plan.Executor{Journal: j}).Down(0); err != nil {
					t.Fatal(err)
				}
				same("down", true)
				m.Sh(t, "nft add table ip theirs")
				same("after somebody else", false)
			})
		})
	}
	t.Run("legacy", func(t *testing.T) {
		hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
			hosttest.UseIptables(t, "legacy")
			if mark, err := nat.Iptables().Mark(); err == nil {
				t.Errorf("rules that nobody counts: %s", mark.Then())
			}
		})
	})
}
