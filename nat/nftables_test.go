package nat_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// allNFT is the plans of nftables in a row: both families, open and internal
// networks, every kind of published port.
func allNFT(t *testing.T) plan.Plan {
	b := nat.Nftables()
	both, inner := network, other
	both.Subnet6 = ipv6(network, "fd00:17::/64").Subnet6
	inner.Internal = true
	inner.Subnet6 = ipv6(other, "fd00:18::/64").Subnet6
	return slices.Concat(b.Host(), b.Network(both), b.Network(inner),
		b.Publish(web(t, "8080:80", "127.0.0.1:53:53/udp", "8000-8100:8000-8100", "127.0.0.1:7000-7010:7000-7010", "9000-9100:8000-8100/udp")),
		b.Publish(web6(t, ports6...)))
}

const bridges = bridge + "\nip link add mb-77aa77aa77aa type bridge\n"

func TestEachOpOfNftablesDoesWhatItPrints(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		prepare := bridges
		m.Sh(t, prepare)
		for _, line := range allNFT(t) {
			m.Twin(t, line.Op, prepare)
			m.Sh(t, line.Op.String())
			prepare += line.Op.String() + "\n"
		}
	})
}

func TestPlansOfNftablesLeaveNoTrace(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, bridges)
		m.TwinPlan(t, allNFT(t), bridges)
		m.NoTrace(t, allNFT(t))
	})
}

func TestMissingPartsOfTheTableAreMadeAgain(t *testing.T) {
	for name, damage := range map[string]string{
		"one rule":    "nft delete rule inet minibridge forward handle $(nft -a list chain inet minibridge forward | sed -n '/peers accept/s/.*handle //p')",
		"the guard":   "nft delete rule inet minibridge raw handle $(nft -a list chain inet minibridge raw | sed -n '/ip saddr 127/s/.*handle //p')",
		"a chain":     "nft flush chain inet minibridge postrouting; nft delete chain inet minibridge postrouting",
		"wrong order": "h=$(nft -a list chain inet minibridge forward | sed -n '/peers accept/s/.*handle //p'); nft add rule inet minibridge forward 'iifname . oifname @peers accept comment \"minibridge:peers:host\"'; nft delete rule inet minibridge forward handle $h",
		"an element":  "nft delete element inet minibridge ports '{ tcp . 8080 }'",
		"a network":   "nft flush set inet minibridge inside",
		"all of it":   "nft delete table inet minibridge",
		"nothing":     ":",
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				m.Sh(t, bridges)
				before := m.State(t)
				first, second := &plan.Memory{}, &plan.Memory{}
				up(t, first, allNFT(t))
				whole := m.State(t)
				m.Sh(t, damage)
				missing, err := plan.Drift(allNFT(t))
				if err != nil || (len(missing) == 0) != (name == "nothing") {
					t.Errorf("missing: %v\n%s", err, missing)
				}
				up(t, second, allNFT(t))
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

// The administrator's rules outlast ours, and ours come back around them.
func TestNftablesNeverFlushesTheAdministratorsChain(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		j := &plan.Memory{}
		host := nat.Nftables().Host()
		up(t, j, host)
		m.Sh(t, "nft add rule inet minibridge user ip saddr 203.0.113.0/24 drop")
		down(t, j)
		const want = "table inet minibridge {\n\tchain user {\n\t\tip saddr 203.0.113.0/24 drop\n\t}\n}"
		if have := m.Sh(t, "nft list ruleset"); have != want {
			t.Errorf("left behind: %s\nwant: %s", have, want)
		}
		if steps, err := nat.Nftables().Sweep(); len(steps) > 0 || err != nil {
			t.Errorf("it would be swept: %v, %v", steps, err)
		}
		up(t, j, host)
		if have := m.Sh(t, "nft list chain inet minibridge user"); have != want {
			t.Errorf("then: %s", have)
		}
		for _, step := range slices.Backward(j.Steps()) {
			m.Sh(t, step.String())
		}
		if have := m.Sh(t, "nft list ruleset"); have != want {
			t.Errorf("typed, it leaves: %s", have)
		}
	})
}

func TestSweepOfNftables(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, bridges+"nft add table inet stranger; nft add table ip minibridge\niptables -P FORWARD DROP\n")
		before := m.State(t)
		b := nftables.backend(t)
		if steps, err := b.Sweep(); len(steps) > 0 || err != nil {
			t.Fatalf("on a clean machine: %v, %v", steps, err)
		}
		up(t, &plan.Memory{}, slices.Concat(b.Host(), b.Network(network), b.Publish(web(t, "8080:80", "8000-8100:8000-8100"))))
		m.Sh(t, "sysctl -qw net.ipv4.conf.minibr0.route_localnet=0")
		steps, err := b.Sweep()
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range steps {
			if err := step.Apply(); err != nil {
				t.Fatal(err)
			}
		}
		if d := hosttest.Diff(before, m.State(t)); d != "" {
			t.Error(d)
		}
	})
}

// What another container has published is in the way, and stays where it is.
func TestAnElementOfSomebodyElseIsInTheWay(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		b := nat.Nftables()
		up(t, &plan.Memory{}, b.Host())
		up(t, &plan.Memory{}, b.Publish(web(t, "8080:80", "8000-8010:8000-8010")))
		before := m.State(t)
		for port, want := range map[string]string{
			"8080:80":             `add element inet minibridge ports { tcp . 8080 comment "minibridge:publish:feedfeedfeed" : 172.17.0.2 . 80 }': it has tcp . 8080 comment "minibridge:publish:c0ffee123456" : 172.17.0.2 . 80 already`,
			"8005-8006:8005-8006": `it has tcp . 8000-8010 comment "minibridge:publish:c0ffee123456" : 172.17.0.2 already`,
			"7990-8006:7990-8006": "file exists",
		} {
			pub := web(t, port)
			pub.ID = "feedfeedfeed"
			err := (&plan.Executor{Journal: &plan.Memory{}}).Up(t.Context(), b.Publish(pub))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\nwant %s", port, err, want)
			}
		}
		theirs := &nat.ElementsDel{Elements: []nat.Element{{Set: "ports", Key: "tcp . 8080", Value: "172.17.0.9 . 80", Comment: "minibridge:publish:feedfeedfeed"}}}
		if err := theirs.Apply(); err == nil || !strings.Contains(err.Error(), "it stays, as it is not ours") {
			t.Errorf("deleted by who had it before: %v", err)
		}
		if d := hosttest.Diff(before, m.State(t)); d != "" {
			t.Error(d)
		}
	})
}

// A machine with nftables alone needs no iptables, and one without nft says so.
func TestNftablesNeedsNoIptables(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, bridges)
		m.Sh(t, "for tool in nft xtables-nft-multi xtables-legacy-multi; do mount --bind /dev/null /usr/sbin/$tool; done")
		b := nftables.backend(t)
		err := (&plan.Executor{Journal: &plan.Memory{}}).Up(t.Context(), b.Host())
		if err == nil || !strings.Contains(err.Error(), "nft is not installed: apt-get install nftables") {
			t.Errorf("without nft: %v", err)
		}
		m.Sh(t, "umount /usr/sbin/nft")
		j := &plan.Memory{}
		up(t, j, allNFT(t))
		if steps, err := b.Sweep(); len(steps) != 1 || err != nil {
			t.Errorf("sweep: %v, %v", steps, err)
		}
		down(t, j)
	})
}

func TestElementsReadBackAsWritten(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		up(t, &plan.Memory{}, nat.Nftables().Host())
		rapid.Check(t, func(t *rapid.T) {
			pub := publish(t)
			taken := map[[3]string]bool{}
			pub.Mappings = slices.DeleteFunc(pub.Mappings, func(m nat.Mapping) bool { // sockets keep such apart
				clash := false
				for i := range m.Count {
					port := [3]string{m.HostIP.String(), m.Proto, strconv.Itoa(int(m.HostPort) + i)}
					clash = clash || taken[port]
					taken[port] = true
				}
				return clash
			})
			p := nat.Nftables().Publish(pub)
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
			if missing, err := plan.Drift(p); len(missing) != len(p) || err != nil {
				t.Errorf("still so after Down: %v\n%s", err, missing)
			}
		})
	})
}

// The command that failed is named, with what nft says of it.
func TestTheNftCommandThatFailedIsNamed(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		var p plan.Plan
		p.Do(&nat.Table{Chains: []nat.TableChain{{Name: "x", Rules: []nat.TableRule{{Text: "accept", Comment: "a"}, {Text: "jump nosuch", Comment: "b"}}}}}, "why")
		err := (&plan.Executor{Journal: &plan.Memory{}}).Up(t.Context(), p)
		const want = `nft 'add rule inet minibridge x jump nosuch comment "b"': nft: Could not process rule: No such file or directory`
		if err == nil || err.Error() != want {
			t.Errorf("error: %v\nwant: %s", err, want)
		}
	})
}
