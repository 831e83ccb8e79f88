package engine_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

// move takes the container that these tests have to the network aa, whose name
// comes before that of its own, or away from there.
func move(e *engine.Engine, verb string) error {
	if verb == "connect" {
		return e.Connect(context.Background(), "mover", engine.Wish{Network: "aa"})
	}
	return e.Disconnect(context.Background(), "aa", "mover", false)
}

const mover = `
minibridge network create aa
minibridge network create zz
minibridge run -d --name mover --network zz -p 8000:80 -p 9000:90/udp sleep 1000`

// A verb that is killed leaves a container on the new network or not; the next
// one makes all of it so.
func TestKilledAtAnyLineOfAMove(t *testing.T) {
	for _, verb := range []string{"connect", "disconnect"} {
		t.Run(verb, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				m.Sh(t, mover)
				for line := 1; ; line++ {
					m.Try("minibridge network " + map[string]string{"connect": "disconnect", "disconnect": "connect"}[verb] + " aa mover")
					how := fmt.Sprint(verb, " ", line)
					code := sacrifice(t, how)
					for range 2 {
						if err := testEngine(t).Recover(); err != nil {
							t.Fatalf("%s: recovery: %v", how, err)
						}
						inOrder(t, m, how, "mover")
					}
					if code == 0 {
						t.Logf("%d lines", line-1)
						break
					}
				}
				m.Sh(t, "minibridge rm -f mover")
				if files := left(t); len(files) > 0 {
					t.Errorf("left behind: %q", files)
				}
			})
		})
	}
}

// inOrder wants the kernel to have of a container what its record says, and
// no more.
func inOrder(t *testing.T, m *hosttest.Machine, how, name string) {
	t.Helper()
	run := running(t, name)
	networks, err := testDirs.Networks()
	if err != nil {
		t.Fatal(err)
	}
	missing, err := plan.Drift(testEngine(t).ContainerPlan(run, networks))
	if err != nil || len(missing) > 0 {
		t.Fatalf("%s: missing: %s, %v", how, missing, err)
	}
	links, err := bridge.Links(plan.NS(name))
	if err != nil || len(links) != 1+len(run.Wired()) {
		t.Fatalf("%s: links %q, for %d endpoints: %v", how, links, len(run.Wired()), err)
	}
	var leases []netip.Addr
	for _, n := range networks {
		taken, err := testDirs.Leases(n.ID)
		if err != nil {
			t.Fatal(err)
		}
		for addr := range taken {
			leases = append(leases, addr)
		}
	}
	for _, at := range run.Wired() {
		if !slices.Contains(leases, at.Address.Addr()) || len(leases) != len(run.Wired()) {
			t.Fatalf("%s: leases %v, for %+v", how, leases, run.Wired())
		}
	}
	if rules := m.Sh(t, "iptables -t nat -S MINIBRIDGE"); strings.Count(rules, "DNAT") != len(run.Ports) {
		t.Fatalf("%s: %d ports, and:\n%s", how, len(run.Ports), rules)
	}
}

// What fails half-way is taken back: the container is where it was.
func TestAMoveThatFailsChangesNothing(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		t.Chdir(t.TempDir())
		m.Sh(t, mover)
		before := m.State(t)
		for _, program := range []string{"iptables-restore", "iptables-save"} {
			m.Sh(t, fmt.Sprintf(`mkdir -p broken; printf '#!/bin/sh\necho no >&2; exit 1\n' > broken/%[1]s; chmod +x broken/%[1]s`, program))
			if out, code := m.Try("PATH=$PWD/broken:$PATH minibridge network connect aa mover"); code != 1 {
				t.Fatalf("%s fails, and the verb doesn't: %s", program, out)
			}
			m.Sh(t, "rm -r broken")
			if after := m.State(t); after != before {
				t.Fatalf("%s fails, and leaves:\n%s", program, hosttest.Diff(before, after))
			}
			inOrder(t, m, program, "mover")
		}
	})
}
