package nat_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

const bridge = "ip link add minibr0 type bridge"

// all is the three plans in a row.
func all(t *testing.T) plan.Plan {
	b := nat.Iptables()
	return slices.Concat(b.Host(), b.Network(network),
		b.Publish(web(t, "8080:80", "127.0.0.1:53:53/udp", "8000-8100:8000-8100", "9000-9100:8000-8100/udp")))
}

// strangers are rules of somebody else, who also uses the chain that is for
// the administrator.
const strangers = bridge + `
iptables -P FORWARD DROP
iptables -N STRANGER
iptables -A FORWARD -i eth7 -m comment --comment "not ours" -j STRANGER
iptables -t nat -A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.9.9.9:80
iptables -N MINIBRIDGE-USER
iptables -A MINIBRIDGE-USER -s 203.0.113.0/24 -j DROP
`

func up(t *testing.T, j plan.Journal, p plan.Plan) {
	t.Helper()
	e := plan.Executor{Journal: j}
	if err := e.Up(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

func down(t *testing.T, j plan.Journal) {
	t.Helper()
	e := plan.Executor{Journal: j}
	if err := e.Down(0); err != nil {
		t.Fatal(err)
	}
}

func TestEachOpDoesWhatItPrints(t *testing.T) {
	eachVariant(t, func(t *testing.T, m *hosttest.Machine) {
		prepare := bridge + "\n"
		m.Sh(t, prepare)
		for _, line := range append(all(t), all6(t)...) {
			m.Twin(t, line.Op, prepare)
			m.Sh(t, line.Op.String())
			prepare += line.Op.String() + "\n"
		}
	})
}

func TestPlansLeaveNoTrace(t *testing.T) {
	for name, c := range map[string]struct {
		plan    plan.Plan
		prepare string
	}{
		"clean": {all(t), bridge}, "strangers": {all(t), strangers}, "IPv6": {append(nat.Iptables().Host(), all6(t)...), bridge},
	} {
		t.Run(name, func(t *testing.T) {
			eachVariant(t, func(t *testing.T, m *hosttest.Machine) {
				m.Sh(t, c.prepare)
				if c.prepare == bridge { // a script is for a clean machine
					m.TwinPlan(t, c.plan, c.prepare)
				}
				m.NoTrace(t, c.plan)
			})
		})
	}
}

func TestRulesReadBackAsWritten(t *testing.T) {
	eachVariant(t, func(t *testing.T, m *hosttest.Machine) {
		up(t, &plan.Memory{}, nat.Iptables().Host())
		rapid.Check(t, func(t *rapid.T) {
			p := nat.Iptables().Publish(publish(t))
			e := plan.Executor{Journal: &plan.Memory{}}
			if err := e.Up(context.Background(), p); err != nil {
				t.Fatal(err)
			}
			if missing, err := plan.Drift(p); len(missing) > 0 || err != nil {
				t.Errorf("not so after Up: %v\n%s", err, missing)
			}
			if err := e.Down(0); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// publish makes up what a container publishes.
func publish(t *rapid.T) nat.Publish {
	mapping := rapid.Custom(func(t *rapid.T) nat.Mapping {
		count := rapid.OneOf(rapid.Just(1), rapid.IntRange(1, 300)).Draw(t, "count")
		m := nat.Mapping{
			HostPort: uint16(rapid.IntRange(1, 65536-count).Draw(t, "host port")),
			Port:     uint16(rapid.IntRange(1, 65536-count).Draw(t, "port")),
			Count:    count,
			Proto:    rapid.SampledFrom([]string{"tcp", "udp", "sctp"}).Draw(t, "proto"),
		}
		if rapid.Bool().Draw(t, "one address") {
			m.HostIP = netip.AddrFrom4([4]byte{127, 0, 0, rapid.Byte().Draw(t, "host")})
		}
		if rapid.Bool().Draw(t, "equal") {
			m.Port = m.HostPort
		}
		return m
	})
	return nat.Publish{ID: "c0ffee123456", Target: netip.MustParseAddr("172.17.0.2"),
		Mappings: rapid.SliceOfNDistinct(mapping, 1, 20, rapid.ID).Draw(t, "mappings")}
}

func TestMissingRulesAreMadeAgain(t *testing.T) {
	for name, damage := range map[string]string{
		"one rule":     "iptables -D MINIBRIDGE-FORWARD 2",
		"a middle one": "iptables -D MINIBRIDGE 2",
		"DNAT flushed": "iptables -t nat -F MINIBRIDGE",
		"wrong order":  "iptables -A MINIBRIDGE -o minibr0 -m conntrack --ctstate DNAT -m comment --comment minibridge:published:5f0c1b2a3d4e -j ACCEPT; iptables -D MINIBRIDGE 1",
		"jump":         "iptables -t nat -D OUTPUT 1",
		"all of them":  "iptables -t nat -F; iptables -t nat -X; iptables -F; iptables -X; iptables -t raw -F; iptables -t raw -X",
		"nothing":      ":",
	} {
		t.Run(name, func(t *testing.T) {
			eachVariant(t, func(t *testing.T, m *hosttest.Machine) {
				m.Sh(t, bridge)
				before := m.State(t)
				first, second := &plan.Memory{}, &plan.Memory{}
				up(t, first, all(t))
				whole := m.State(t)
				m.Sh(t, damage)
				missing, err := plan.Drift(all(t))
				if err != nil || (len(missing) == 0) != (name == "nothing") {
					t.Errorf("missing: %v\n%s", err, missing)
				}
				up(t, second, all(t))
				if d := hosttest.Diff(whole, m.State(t)); d != "" {
					t.Errorf("made again, but not the same: %s", d)
				}
				down(t, second)
				down(t, first)
				m.WaitState(t, before)
			})
		})
	}
}

// Ops of one backend share what they saw, but not longer than it is true.
func TestEveryLookSeesWhatOthersChanged(t *testing.T) {
	eachVariant(t, func(t *testing.T, m *hosttest.Machine) {
		host := nat.Iptables().Host()
		up(t, &plan.Memory{}, host)
		for i, script := range []string{":", "iptables -D FORWARD 1", ":", "iptables -I FORWARD -m comment --comment minibridge:jump:host -j MINIBRIDGE-FORWARD", ":"} {
			m.Sh(t, script)
			missing, err := plan.Drift(host)
			if want := i == 1 || i == 2; (len(missing) > 0) != want || err != nil {
				t.Errorf("after %s (%d): %v, missing: %s", script, i, err, missing)
			}
		}
	})
}

func TestTheAdministratorsChainIsNeverFlushed(t *testing.T) {
	eachVariant(t, func(t *testing.T, m *hosttest.Machine) {
		j := &plan.Memory{}
		up(t, j, nat.Iptables().Host())
		m.Sh(t, "iptables -A MINIBRIDGE-USER -s 203.0.113.0/24 -j DROP")
		down(t, j)
		have := m.Sh(t, "iptables-save | grep MINIBRIDGE")
		want := ":MINIBRIDGE-USER - [0:0]\n-A MINIBRIDGE-USER -s 203.0.113.0/24 -j DROP"
		if have != want {
			t.Errorf("left behind: %s\nwant: %s", have, want)
		}
		host := nat.Iptables().Host()
		if missing, err := plan.Drift(host); err != nil || strings.Contains(missing.String(), "-N MINIBRIDGE-USER") {
			t.Errorf("what is missing makes the chain again: %v\n%s", err, missing)
		}
		up(t, j, host)
		m.Sh(t, "iptables -C MINIBRIDGE-USER -s 203.0.113.0/24 -j DROP")
	})
}

func TestAStrangersRuleKeepsAChainAndIsNamed(t *testing.T) {
	for name, rule := range map[string]string{
		"inside":     "-A MINIBRIDGE -p tcp -m tcp --dport 22 -j ACCEPT",
		"leading in": "-A OUTPUT -p tcp -m tcp --dport 22 -j MINIBRIDGE",
	} {
		t.Run(name, func(t *testing.T) {
			eachVariant(t, func(t *testing.T, m *hosttest.Machine) {
				before := m.State(t)
				e := plan.Executor{Journal: &plan.Memory{}}
				up(t, e.Journal, nat.Iptables().Host())
				m.Sh(t, "iptables -t nat "+rule)
				err := e.Down(0)
				if err == nil || !strings.HasPrefix(err.Error(), "iptables -t nat -X MINIBRIDGE: ") || !strings.HasSuffix(err.Error(), ": iptables -t nat "+rule) {
					t.Errorf("error: %v", err)
				}
				if n := len(e.Journal.Steps()); n != 1 {
					t.Errorf("%d steps are kept, want 1", n)
				}
				if got := m.Sh(t, "iptables-save | grep -- '^-A'"); got != rule {
					t.Errorf("rules that stay: %s", got)
				}
				m.Sh(t, "iptables -t nat "+strings.Replace(rule, "-A", "-D", 1))
				down(t, e.Journal)
				m.WaitState(t, before)
			})
		})
	}
}

func TestRulesTypedTwiceGoTwice(t *testing.T) {
	eachVariant(t, func(t *testing.T, m *hosttest.Machine) {
		up(t, &plan.Memory{}, nat.Iptables().Host())
		before := m.State(t)
		p := nat.Iptables().Publish(web(t, "8080:80"))
		j := &plan.Memory{}
		up(t, j, p)
		m.Sh(t, p.String())
		down(t, j)
		m.WaitState(t, before)
	})
}

// The second of these rules is wrong; the batch begins with another one.
func TestTheCommandThatFailedIsNamed(t *testing.T) {
	eachVariant(t, func(t *testing.T, m *hosttest.Machine) {
		chain := nat.Chain{Table: "filter", Name: "FORWARD"}
		var p plan.Plan
		p.Do(&nat.Rules{Rules: []nat.Rule{{Chain: chain, Spec: "-j ACCEPT"}, {Chain: chain, Spec: "-m nosuch -j DROP"}}}, "why")
		err := (&plan.Executor{Journal: &plan.Memory{}}).Up(t.Context(), p)
		const want = "iptables -t filter -A FORWARD -m nosuch -j DROP: iptables-restore: Couldn't load match `nosuch':No such file or directory"
		if err == nil || err.Error() != want {
			t.Errorf("error: %v\nwant: %s", err, want)
		}
	})
}

func TestNoIptables(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "mount --bind /dev/null /usr/sbin/xtables-nft-multi")
		_, err := plan.Drift(nat.Iptables().Host())
		if err == nil || !strings.Contains(err.Error(), "iptables-save is not installed: apt-get install iptables") {
			t.Errorf("error: %v", err)
		}
	})
}

func TestATableThatIptablesCannotReadIsAnError(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		hosttest.UseIptables(t, "nft")
		host := nat.Iptables().Host()
		m.Sh(t, "nft 'add table ip nat; add chain ip nat x { type filter hook input priority 7; }; add rule ip nat x drop'")
		up(t, &plan.Memory{}, host) // a chain that it can't say is no obstacle
		m.Sh(t, "nft 'add rule ip nat PREROUTING meta mark set ct mark'")
		if _, err := plan.Drift(host); err == nil || !strings.Contains(err.Error(), "nft list table ip nat") {
			t.Errorf("error: %v", err)
		}
	})
}

func TestForeignRulesAreCounted(t *testing.T) {
	eachVariant(t, func(t *testing.T, m *hosttest.Machine) {
		v, err := nat.FindVariant()
		if err != nil {
			t.Fatal(err)
		}
		up(t, &plan.Memory{}, nat.Iptables().Host())
		other := map[nat.Variant]string{nat.NFT: "iptables-legacy", nat.Legacy: "iptables-nft"}[v]
		other6 := strings.Replace(other, "ip", "ip6", 1)
		for i, script := range []string{other + "-save", other + " -A FORWARD -j DROP", other6 + " -A FORWARD -j DROP", other + " -P FORWARD DROP", other6 + " -P INPUT DROP"} {
			m.Sh(t, script)
			n, err := nat.Foreign(v)
			if want := i; n != want || err != nil {
				t.Errorf("after %s: %d rules, %v; want %d", script, n, err, want)
			}
		}
		if w := nat.ForeignWarning(v, 1); !strings.Contains(w, other+"-save") {
			t.Errorf("warning: %s", w)
		}
	})
}
