package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/state"
)

// city is networks of each kind with containers on them.
func city(t *testing.T) string {
	return `
minibridge network create lab
minibridge network create --internal vault
minibridge network create --ipv6 --subnet fd00:6::/64 six
minibridge run -d --name web --network lab -p 8000:80 -p 9000:90/udp ` + server(t, "", "80") + `
minibridge run -d --name peer --network lab --network six sleep 1000
minibridge run -d --name other -p 7000:80 ` + server(t, "", "80") + `
minibridge run -d --name safe --network vault sleep 1000`
}

// damages are what somebody may do to it, by scripts in which LAB stands for the
// bridge of that network and VETH for web's cable.
var damages = map[string]string{
	"all rules flushed":            "nft flush ruleset; iptables -F; iptables -t nat -F; iptables -t raw -F; iptables -t mangle -F",
	"a router no more":             "sysctl -qw net.ipv4.ip_forward=0",
	"a bridge deleted":             "ip link del LAB",
	"the default bridge deleted":   "ip link del minibr0",
	"a bridge switched off":        "ip link set LAB down",
	"a gateway's address stripped": "ip addr flush dev LAB",
	"a cable deleted":              "ip link del VETH",
	"a cable deleted from inside":  "ip -n peer link del eth1",
	"a cable pulled out":           "ip link set VETH nomaster",
	"a cable switched off":         "ip link set VETH down",
	"a port's flags":               "bridge link set dev VETH hairpin off",
	"an address inside":            "ip -n web addr flush dev eth0",
	"a link off inside":            "ip -n peer link set eth0 down; ip -n peer link set eth1 down",
	"a MAC address":                "ip -n web link set dev eth0 address 02:00:00:00:00:01",
	"a default route":              "ip -n web route del default; ip -n peer -6 route del default",
	"rules inside":                 "ip netns exec web nft flush ruleset",
	"settings":                     "sysctl -qw net.ipv4.conf.LAB.route_localnet=0 net.ipv6.conf.minibr0.disable_ipv6=0; ip netns exec web sysctl -qw net.ipv4.ip_unprivileged_port_start=1024",
	"a name of a namespace":        "ip netns del web; umount /run/netns/peer",
	"peers forgotten":              "rm /run/minibridge/members/*",
	"all at once":                  "nft flush ruleset; ip link del LAB; ip link del minibr0; ip netns del other; sysctl -qw net.ipv4.ip_forward=0; ip -n peer link del eth1",
}

// ofFirewall are those that only rules of one kind can suffer.
var ofFirewall = map[string]map[string]string{
	"iptables": {
		"the guard deleted":   "iptables -t raw -D PREROUTING 1; iptables -t raw -D MINIBRIDGE-RAW 1",
		"a chain deleted":     "iptables -F MINIBRIDGE-OUT; iptables -D MINIBRIDGE-FORWARD 5; iptables -X MINIBRIDGE-OUT",
		"a port deleted":      "iptables -t nat -D MINIBRIDGE 1",
		"IPv6 rules flushed":  "ip6tables -F; ip6tables -t nat -F; ip6tables -t raw -F",
		"the filter flushed":  "iptables -F",
		"our chains flushed":  "iptables -F MINIBRIDGE; iptables -t raw -F MINIBRIDGE-RAW; iptables -t nat -F MINIBRIDGE-POSTROUTING",
		"a table of nft gone": "nft delete table ip nat",
	},
	"nftables": {
		"the table deleted":  "nft delete table inet minibridge",
		"the guard deleted":  "nft flush chain inet minibridge raw",
		"a set flushed":      "nft flush set inet minibridge inside",
		"the ports flushed":  "nft flush map inet minibridge ports",
		"a network's bridge": "nft flush set inet minibridge open",
	},
}

// eachFirewall calls f in a city, and wants nothing of it to be left after it.
func eachFirewall(t *testing.T, f func(t *testing.T, m *hosttest.Machine)) {
	for _, firewall := range []string{"iptables", "nftables"} {
		t.Run(firewall, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				t.Setenv("MINIBRIDGE_FIREWALL", firewall)
				before := quiet(t, m)
				m.Sh(t, city(t))
				f(t, m)
				m.Sh(t, "minibridge rm -f web peer other safe; minibridge reset -f; nft delete table ip theirs 2>/dev/null || true")
				if after := quiet(t, m); after != before {
					t.Errorf("left behind:\n%s", hosttest.Diff(before, after))
				}
			})
		})
	}
}

func eachDamage(t *testing.T, f func(t *testing.T, m *hosttest.Machine, name, script string)) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine) {
		names := strings.NewReplacer("LAB", bridgeOf(t, "lab"), "VETH", running(t, "web").Wired()[0].Veth)
		for _, some := range []map[string]string{damages, ofFirewall[testFirewall()]} {
			for name, script := range some {
				f(t, m, name, names.Replace(script))
			}
		}
	})
}

func bridgeOf(t *testing.T, network string) string {
	t.Helper()
	all, err := testDirs.Networks()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		if n.Name == network {
			return n.Bridge
		}
	}
	t.Fatalf("no network %s", network)
	return ""
}

func TestRepairPutsBackWhatIsMissing(t *testing.T) {
	eachDamage(t, func(t *testing.T, m *hosttest.Machine, name, script string) {
		whole, written := inAnyOrder(m.State(t)), journals(t, m)
		m.Sh(t, script)
		said := m.Sh(t, "minibridge repair 2>&1")
		if said == "nothing is missing" {
			t.Fatalf("%s: no damage", name)
		}
		if after := inAnyOrder(m.State(t)); after != whole {
			t.Fatalf("%s: after the repair:\n%s\nIt says: %s", name, hosttest.Diff(whole, after), said)
		}
		openAndClosed(t, m, name)
		if again := m.Sh(t, "minibridge repair 2>&1"); again != "nothing is missing" {
			t.Errorf("%s: a second repair: %s", name, again)
		}
		if after := journals(t, m); after != written {
			t.Errorf("%s: the journals differ:\n%s", name, hosttest.Diff(written, after))
		}
	})
}

// inAnyOrder is a state of the machine but for the order of rules: who comes
// back stands behind the others.
func inAnyOrder(state string) string {
	lines := strings.Split(state, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func journals(t *testing.T, m *hosttest.Machine) string {
	t.Helper()
	return m.Sh(t, "cd "+engine.DefaultRunDir+"/journal; grep . *")
}

// openAndClosed walks the paths through the city.
func openAndClosed(t *testing.T, m *hosttest.Machine, how string) {
	t.Helper()
	for addr, want := range map[string]string{"192.0.2.1:8000": "seen as 192.0.2.2", "192.0.2.1:7000": "seen as 192.0.2.2"} {
		if got := m.Outside(t, asking(t, addr)); got != want {
			t.Errorf("%s: outside asks %s: %s", how, addr, got)
		}
	}
	if got := m.Sh(t, asking(t, "127.0.0.1:8000")); got != "seen as "+wired(t, "web").Gateway.String() {
		t.Errorf("%s: the host asks its own 127.0.0.1: %s", how, got)
	}
	m.Sh(t, "minibridge exec peer ping -q -c1 -W2 192.0.2.2; minibridge exec peer ping -q -c1 -W2 fd00:6::1; minibridge exec peer getent ahostsv4 web")
	closed := func(from, addr string) string {
		return fmt.Sprintf("minibridge exec %s timeout 0.3 bash -c '</dev/tcp/%s' 2>/dev/null && echo %s reaches %s &\n", from, addr, from, addr)
	}
	web := wired(t, "web").Address.Addr().String()
	if got := m.Sh(t, closed("other", web+"/80")+closed("safe", web+"/80")+closed("safe", "192.0.2.1/8000")+"wait"); got != "" {
		t.Errorf("%s: %s", how, got)
	}
}

func wired(t *testing.T, name string) state.Attachment {
	t.Helper()
	return running(t, name).Wired()[0]
}
