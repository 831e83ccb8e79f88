package engine_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// foreign is what others have on a machine.
const foreign = `sysctl -qw net.ipv4.ip_forward=1
ip link add name br0 type bridge
ip addr add 10.9.0.1/24 brd + dev br0
ip link set dev br0 up
ip netns add theirs
ip link add name veth0 master br0 up type veth peer name eth0 netns theirs
iptables -P FORWARD DROP
iptables -N THEIRS
iptables -A THEIRS -p tcp --dport 22 -j ACCEPT
iptables -A FORWARD -i br0 -j THEIRS
iptables -t nat -A PREROUTING -p tcp --dport 2222 -j DNAT --to-destination 10.9.0.2:22
iptables -t nat -A POSTROUTING -s 10.9.0.0/24 ! -o br0 -m comment --comment "minibridge of old" -j MASQUERADE
iptables -t raw -A PREROUTING -i br0 -j ACCEPT`

func TestTheMachineIsAsAfterTheFirstRunAndAfterResetAsBefore(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, foreign)
		stages := milestones(t, m)
		before, used := stages[0], stages[2:]

		t.Run("50 in a row", func(t *testing.T) {
			for i := range 50 {
				m.Sh(t, fmt.Sprintf("minibridge run --rm -p %d:80 -p 9000-9010:9000-9010/udp true", 8000+i%3))
			}
			recovered(t, m, "50 in a row", used)
		})
		t.Run("20 at once", func(t *testing.T) {
			var all sync.WaitGroup
			for i := range 20 {
				all.Go(func() {
					if out, err := program("run", "-d", "--name", fmt.Sprint("web", i), "-p", fmt.Sprint(8000+i, ":80"), "sleep", "1000").CombinedOutput(); err != nil {
						t.Errorf("%v: %s", err, out)
					}
				})
			}
			all.Wait()
			var addrs []string
			for i := range 20 {
				addrs = append(addrs, running(t, fmt.Sprint("web", i)).Wired()[0].Address.String())
			}
			slices.Sort(addrs)
			if len(slices.Compact(addrs)) != 20 {
				t.Errorf("they have the addresses %q", addrs)
			}
			for i := range 20 {
				all.Go(func() {
					if out, err := program("rm", "-f", fmt.Sprint("web", i)).CombinedOutput(); err != nil {
						t.Errorf("%v: %s", err, out)
					}
				})
			}
			all.Wait()
			recovered(t, m, "20 at once", used)
		})
		t.Run("reset", func(t *testing.T) {
			m.Sh(t, "minibridge run -d --name web -p 8000:80 -p 9000:90/udp sleep 1000\n"+
				"minibridge run -d --name joiner --network container:web sleep 1000\n"+
				"minibridge run --name ended true\n"+
				"minibridge run -d --network none --name none sleep 1000")
			for range 2 {
				m.Sh(t, "minibridge reset -f")
				if after := quiet(t, m); after != before {
					t.Errorf("left behind:\n%s", hosttest.Diff(before, after))
				}
				if got := m.Sh(t, "find /run/minibridge /var/lib/minibridge -mindepth 1 2>/dev/null || true"); got != "" {
					t.Errorf("files left behind:\n%s", got)
				}
			}
			m.Sh(t, "minibridge run --rm -p 8000:80 true")
			if after := quiet(t, m); !slices.Contains(used, after) {
				t.Errorf("a first run after it leaves:\n%s", hosttest.Diff(used[0], after))
			}
		})
	})
}

func TestResetWhileOthersRun(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		before := m.State(t)
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				for range 3 {
					// It may be killed by the reset, or lose its network before it starts.
					program("run", "--rm", "--name", fmt.Sprint("web", i), "sleep", "0").Run()
				}
			})
		}
		for range 3 {
			if out, err := program("reset", "-f").CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		}
		all.Wait()
		m.Sh(t, "minibridge run --rm -p 8000:80 true; minibridge reset -f")
		if after := quiet(t, m); after != before {
			t.Errorf("left behind:\n%s", hosttest.Diff(before, after))
		}
	})
}

// What others have in the way is an error that says so, and stays as it was.
func TestStrangersAreLeftAlone(t *testing.T) {
	for name, tt := range map[string]struct{ theirs, flags, says string }{
		"namespace": {"ip netns add web", "--name web", "someone else's"},
		"file":      {"touch /run/netns/web", "--name web", "someone else's"},
		"bridge":    {"ip link add name minibr0 type bridge", "", "minibr0"},
		"link":      {"ip link add name minibr0 type veth peer name other", "", "minibr0"},
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				m.Sh(t, tt.theirs)
				before := m.State(t)
				fails(t, m, "minibridge run "+tt.flags+" true", 125, tt.says)
				if err := testEngine(t).Recover(); err != nil {
					t.Error(err)
				}
				m.Sh(t, "minibridge reset -f")
				if after := quiet(t, m); after != before {
					t.Errorf("it is not as it was:\n%s", hosttest.Diff(before, after))
				}
			})
		})
	}
}

func TestATakenRangeIsPassedOver(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "ip link add name docker0 type bridge; ip addr add 172.17.0.1/16 brd + dev docker0; ip link set docker0 up")
		fails(t, m, "minibridge run --rm ip -4 -br addr show eth0", 0, "172.18.0.2/16")
	})
}
