package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/hosttest"
)

// worst is what can happen to one container.
const worst = flush + `
ip netns exec web ` + flush + `
ip -n web link del eth0
ip netns del web
ip link del LAB
sysctl -qw net.ipv4.ip_forward=0`

// eachLineOfARepair tries at each command of a repair of the worst, which has its
// reason before it, until one is the last; the next repair makes all of it whole.
func eachLineOfARepair(t *testing.T, try func(t *testing.T, line int) (last bool)) {
	for _, firewall := range []string{"iptables", "nftables"} {
		t.Run(firewall, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				t.Setenv("MINIBRIDGE_FIREWALL", firewall)
				before := quiet(t, m)
				m.Sh(t, "minibridge network create lab; minibridge run -d --name web --network lab -p 8000:80 sleep 1000")
				whole, written := inAnyOrder(m.State(t)), journals(t, m)
				for line := 2; ; line += 2 {
					m.Sh(t, strings.ReplaceAll(worst, "LAB", bridgeOf(t, "lab")))
					last := try(t, line)
					if testEngine(t).Disturbed() {
						t.Fatalf("line %d: rules are missing after the next verb", line)
					}
					said := m.Sh(t, "minibridge repair 2>&1")
					if after := inAnyOrder(m.State(t)); after != whole || journals(t, m) != written {
						t.Fatalf("line %d: the next repair, which says\n%s\nleaves:\n%s%s", line, said, hosttest.Diff(whole, after), hosttest.Diff(written, journals(t, m)))
					}
					if last {
						t.Logf("%d lines", line-1)
						break
					}
				}
				m.Sh(t, "minibridge rm -f web; minibridge reset -f")
				if after := quiet(t, m); after != before {
					t.Errorf("left behind:\n%s", hosttest.Diff(before, after))
				}
			})
		})
	}
}

// A repair that is killed leaves nothing half done that the next one doesn't
// finish; the next verb, whichever it is, closes the doors.
func TestKilledAtAnyLineOfARepair(t *testing.T) {
	eachLineOfARepair(t, func(t *testing.T, line int) bool {
		code := sacrifice(t, fmt.Sprint("repair ", line))
		if err := testEngine(t).Recover(); err != nil {
			t.Fatalf("line %d: recovery: %v", line, err)
		}
		return code == 0
	})
}

func TestInterruptedAtAnyLineOfARepair(t *testing.T) {
	eachLineOfARepair(t, func(t *testing.T, line int) bool {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		patience := &impatient{line, cancel}
		e, err := engine.New(engine.Config{Root: engine.DefaultRoot, RunDir: engine.DefaultRunDir, Firewall: testFirewall(), Notice: notices{t}, Explain: patience})
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(e.Repair(ctx, nil, io.Discard)...)
		if last := patience.left > 0; last && err != nil {
			t.Fatalf("nobody interrupted: %v", err)
		}
		if err := testEngine(t).Recover(); err != nil {
			t.Fatalf("line %d: the next verb: %v", line, err)
		}
		return patience.left > 0
	})
}

// Whatever of ours is deleted, a repair makes it as it was.
func TestAnythingDeletedIsRepaired(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine) {
		all := deletions(t, m)
		whole, written := inAnyOrder(m.State(t)), journals(t, m)
		rapid.Check(t, func(r *rapid.T) {
			some := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 12, rapid.ID).Draw(r, "deleted")
			m.Try("set +e\n" + strings.Join(some, "\n")) // one may take another's object along
			said := m.Sh(r, "minibridge repair 2>&1")
			if after := inAnyOrder(m.State(r)); after != whole || journals(t, m) != written {
				r.Fatalf("the repair, which says\n%s\nleaves:\n%s%s", said, hosttest.Diff(whole, after), hosttest.Diff(written, journals(t, m)))
			}
		})
	})
}

// deletions are a command for each object in the kernel that is ours.
func deletions(t *testing.T, m *hosttest.Machine) (all []string) {
	t.Helper()
	for _, family := range []string{"iptables", "ip6tables"} {
		table := ""
		for line := range strings.Lines(m.Sh(t, family+"-save")) {
			if name, ok := strings.CutPrefix(strings.TrimSpace(line), "*"); ok {
				table = name
			} else if rule, ok := strings.CutPrefix(line, "-A "); ok && strings.Contains(rule, "minibridge:") {
				all = append(all, family+" -t "+table+" -D "+strings.TrimSpace(rule))
			}
		}
	}
	if testFirewall() == "nftables" {
		for _, kind := range []string{"chain", "set", "map"} {
			for line := range strings.Lines(m.Sh(t, "nft list "+kind+"s inet | awk '/"+kind+" [a-z0-9_]* {/ { print $2 }'")) {
				all = append(all, "nft flush "+kind+" inet minibridge "+strings.TrimSpace(line))
			}
		}
		all = slices.DeleteFunc(all, func(cmd string) bool { return strings.HasSuffix(cmd, " user") })
		all = append(all, "nft delete table inet minibridge")
	}
	for _, bridge := range []string{"minibr0", bridgeOf(t, "lab"), bridgeOf(t, "six"), bridgeOf(t, "vault")} {
		all = append(all, "ip link del "+bridge, "ip addr flush dev "+bridge, "ip link set dev "+bridge+" down")
	}
	for _, name := range []string{"web", "peer", "other", "safe"} {
		for _, at := range running(t, name).Wired() {
			all = append(all, "ip link del "+at.Veth, "ip link set dev "+at.Veth+" nomaster", "bridge link set dev "+at.Veth+" hairpin off",
				"ip -n "+name+" addr flush dev "+at.Dev, "ip -n "+name+" link set dev "+at.Dev+" down")
		}
		all = append(all, "ip netns del "+name, "ip -n "+name+" route del default", "ip netns exec "+name+" nft flush ruleset", "ip -n "+name+" link set lo down")
	}
	return append(all, "sysctl -qw net.ipv4.ip_forward=0", "sysctl -qw net.ipv6.conf.all.forwarding=0", "ip link set lo down; ip link set lo up")
}
