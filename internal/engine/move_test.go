package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// move takes the container that these tests have to the network aa, whose name
// comes before that of its own, or away from there, or gives it more ports, or
// less.
func move(ctx context.Context, e *engine.Engine, verb string) (err error) {
	switch verb {
	case "connect":
		return e.Connect(ctx, "mover", engine.Wish{Network: "aa"})
	case "publish":
		_, err = e.Publish(ctx, "mover", morePorts)
		return err
	case "unpublish":
		return e.Unpublish(ctx, "mover", morePorts)
	}
	return e.Disconnect(ctx, "aa", "mover", false)
}

var morePorts = []string{"8100-8102:80-82", "9100:90/udp"}

// movers are the containers that move: from a network with names, and from one
// without, where the name server is still to come.
var movers = map[string]string{"names": "zz", "none": "bridge"}

// mover makes the networks, a peer to ask for, and the container.
func mover(from string) string {
	return `
minibridge network create aa
minibridge network create zz
minibridge run -d --name peer --network aa --dns 127.0.0.1 sleep 1000
minibridge run -d --name mover --network ` + from + ` --dns 127.0.0.1 -p 8000:80 -p 9000:90/udp sleep 1000`
}

// opposite is, for each verb, the command that makes it one with an effect.
var opposite = map[string]string{
	"connect":    "network disconnect aa mover",
	"disconnect": "network connect aa mover",
	"publish":    "unpublish mover -p " + strings.Join(morePorts, " -p "),
	"unpublish":  "publish mover -p " + strings.Join(morePorts, " -p "),
}

// A verb that is killed leaves a container on the new network or not; the next
// one makes all of it so.
func TestKilledAtAnyLineOfAMove(t *testing.T) {
	eachMove(t, func(t *testing.T, m *hosttest.Machine, verb string, line int) bool {
		how := fmt.Sprint(verb, " ", line)
		code := sacrifice(t, how)
		for range 2 {
			if err := testEngine(t).Recover(); err != nil {
				t.Fatalf("%s: recovery: %v", how, err)
			}
			inOrder(t, m, how, "mover")
		}
		return code == 0
	})
}

// One that is interrupted comes to its end, or leaves all as it was.
func TestInterruptedAtAnyLineOfAMove(t *testing.T) {
	eachMove(t, func(t *testing.T, m *hosttest.Machine, verb string, line int) bool {
		size := func() int { return len(running(t, "mover").Endpoints) + len(running(t, "mover").Ports) }
		before := size()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		patience := &impatient{line, cancel}
		e, err := engine.New(engine.Config{Root: engine.DefaultRoot, RunDir: engine.DefaultRunDir, Firewall: testFirewall(), Notice: notices{t}, Explain: patience})
		if err != nil {
			t.Fatal(err)
		}
		err = move(ctx, e, verb)
		how := fmt.Sprintf("%s, interrupted at line %d (%v)", verb, line, err)
		inOrder(t, m, how, "mover")
		if after := size(); (after != before) != (err == nil) {
			t.Fatalf("%s: %d endpoints and ports, and before %d", how, after, before)
		}
		return patience.left > 0
	})
}

// impatient interrupts a verb when that is about to print its left'th line.
type impatient struct {
	left   int
	cancel func()
}

func (i *impatient) Write(p []byte) (int, error) {
	if i.left--; i.left == 0 {
		i.cancel()
	}
	return len(p), nil
}

// eachMove tries all verbs from each start, at each of their lines until one
// is the last: from names with iptables, from none with nftables.
func eachMove(t *testing.T, try func(t *testing.T, m *hosttest.Machine, verb string, line int) (last bool)) {
	firewalls := map[string]string{"names": "iptables", "none": "nftables"}
	for name, from := range movers {
		for verb := range opposite {
			t.Run(verb+" from "+name, func(t *testing.T) {
				hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
					t.Setenv("MINIBRIDGE_FIREWALL", firewalls[name])
					m.Sh(t, mover(from))
					for line := 1; ; line++ {
						m.Try("minibridge " + opposite[verb])
						if try(t, m, verb, line) {
							t.Logf("%d lines", line-1)
							break
						}
					}
					m.Sh(t, "minibridge rm -f mover peer")
					if files := left(t); len(files) > 0 {
						t.Errorf("left behind: %q", files)
					}
				})
			})
		}
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
	c, err := testDirs.ContainerByName(name)
	if err != nil || len(c.Spec.Endpoints) != len(run.Endpoints) {
		t.Fatalf("%s: the record wants %+v, and there is %+v: %v", how, c.Spec.Endpoints, run.Endpoints, err)
	}
	for _, n := range networks {
		leased, err := testDirs.Leases(n.ID)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(run.Endpoints, func(at state.Attachment) bool { return at.NetworkID == n.ID })
		others := 0
		if n.Name == "aa" {
			others = 1 // the peer's
		}
		if i >= 0 && (!leased[run.Endpoints[i].Address.Addr()] || len(leased) != others+1) || i < 0 && len(leased) != others {
			t.Fatalf("%s: leases %v on %s, for %+v", how, leased, n.Name, run.Endpoints)
		}
	}
	namesInOrder(t, m, how, name, run)
	portsInOrder(t, m, how, c, run)
}

// leads is how many rules ports have: with nftables a run that is shifted has one
// for each of its ports.
func leads(ports []state.Port) (n int) {
	for _, p := range ports {
		if testFirewall() == "nftables" && p.Port != p.HostPort {
			n += p.Count
		} else {
			n++
		}
	}
	return n
}

// portsInOrder wants a rule for each port that its record has, and a socket.
func portsInOrder(t *testing.T, m *hosttest.Machine, how string, c *state.Container, run *state.Run) {
	t.Helper()
	if len(run.Ports) != 2*len(c.Spec.Publish) {
		t.Fatalf("%s: the record wants %q, and there is %+v", how, c.Spec.Publish, run.Ports)
	}
	ipv4 := slices.DeleteFunc(slices.Clone(run.Ports), func(p state.Port) bool { return p.HostIP.Is6() }) // the others are the proxy's
	rules := m.Sh(t, map[string]string{"iptables": "iptables -t nat -S", "nftables": "nft list table inet minibridge"}[testFirewall()])
	if strings.Count(rules, "minibridge:publish:"+run.ID[:12]) != leads(ipv4) || len(run.Ports) != 2*len(ipv4) {
		t.Fatalf("%s: %d ports, and:\n%s", how, len(run.Ports), rules)
	}
	for _, asked := range append([]string{"8000:80", "9000:90/udp"}, morePorts...) {
		spec, err := nat.ParseSpec(asked)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec.HostIP = range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
			files, err := nat.Reserve(spec.Mapping(spec.HostFirst))
			for _, f := range files {
				f.Close()
			}
			if taken := errors.Is(err, unix.EADDRINUSE); taken != slices.Contains(c.Spec.Publish, asked) {
				t.Fatalf("%s: %s is taken: %v; and the record wants %q", how, spec, taken, c.Spec.Publish)
			}
		}
	}
}

// namesInOrder wants it to find its peer where it is, and itself in its files.
func namesInOrder(t *testing.T, m *hosttest.Machine, how, name string, run *state.Run) {
	t.Helper()
	on := slices.ContainsFunc(run.Endpoints, func(at state.Attachment) bool { return at.Network == "aa" })
	if out, code := m.Try("minibridge exec " + name + " getent hosts peer"); (code == 0) != on {
		t.Fatalf("%s: its peer is %q, and on the same network: %v", how, out, on)
	}
	lines := m.Sh(t, "minibridge exec "+name+" cat /etc/hosts")
	for _, at := range run.Wired() {
		if strings.Count(lines, at.Address.Addr().String()+"\t") != 1 {
			t.Fatalf("%s: %s in:\n%s", how, at.Address.Addr(), lines)
		}
	}
	if n := strings.Count(lines, run.ID[:12]); n != len(run.Wired()) {
		t.Fatalf("%s: %d lines for %d endpoints:\n%s", how, n, len(run.Wired()), lines)
	}
}

// What fails half-way is taken back: the container is where it was.
func TestAMoveThatFailsChangesNothing(t *testing.T) {
	const tool = `mkdir -p broken; printf '#!/bin/sh\necho no >&2; exit 1\n' > broken/%[1]s; chmod +x broken/%[1]s`
	const connect, publish, unpublish = "network connect aa mover", "publish mover -p 8100:80", "unpublish mover -p 8000:80"
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		t.Chdir(t.TempDir())
		m.Sh(t, mover("zz"))
		socket := testDirs.Socket(running(t, "mover").ID)
		before := m.State(t)
		for _, fails := range []struct{ verb, breaks, mends string }{
			{connect, fmt.Sprintf(tool, "iptables-restore"), "rm -r broken"},
			{connect, fmt.Sprintf(tool, "iptables-save"), "rm -r broken"},
			{publish, fmt.Sprintf(tool, "iptables-restore"), "rm -r broken"},
			{unpublish, fmt.Sprintf(tool, "iptables-restore"), "rm -r broken"},
			{publish, "mv " + socket + " socket", "mv socket " + socket},
			{unpublish, "mv " + socket + " socket", "mv socket " + socket},
		} {
			how := fails.verb + " after " + fails.breaks
			m.Sh(t, fails.breaks)
			if out, code := m.Try("PATH=$PWD/broken:$PATH minibridge " + fails.verb); code != 1 {
				t.Fatalf("%s doesn't fail: %s", how, out)
			}
			m.Sh(t, fails.mends)
			for _, next := range []string{"at once", "by the next verb"} {
				if after := m.State(t); after != before {
					t.Fatalf("%s leaves, %s:\n%s", how, next, hosttest.Diff(before, after))
				}
				inOrder(t, m, how, "mover")
				if err := testEngine(t).Recover(); err != nil {
					t.Fatalf("%s: recovery: %v", how, err)
				}
			}
		}
		m.Sh(t, "minibridge rm -f mover peer")
	})
}
