package nat_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

// world has c1 and c2 on one bridge and c3 on another, a host that drops what
// it would forward, and checks where packets come from.
const world = `
network() { # BRIDGE GATEWAY
	ip link add $1 type bridge
	ip addr add $2 dev $1
	ip link set $1 up
}
container() { # NAME BRIDGE ADDRESS GATEWAY
	ip netns add $1
	ip link add v$1 master $2 up type veth peer name eth0 netns $1
	bridge link set dev v$1 hairpin on
	ip -n $1 addr add $3 dev eth0
	ip -n $1 link set lo up
	ip -n $1 link set eth0 up
	ip -n $1 route add default via $4
}
network minibr0 172.17.0.1/16
network mb-77aa77aa77aa 172.18.0.1/16
container c1 minibr0 172.17.0.2/16 172.17.0.1
container c2 minibr0 172.17.0.3/16 172.17.0.1
container c3 mb-77aa77aa77aa 172.18.0.2/16 172.18.0.1
sysctl -qw net.ipv4.ip_forward=1
iptables -P FORWARD DROP
`

// bridged says whether what a bridge switches passes iptables too, as Docker
// and Kubernetes have it: with a kernel that lacks br_netfilter it never does.
const bridged = `
bridged() {
	! test -e /proc/sys/net/bridge || sysctl -qw net.bridge.bridge-nf-call-iptables=$1
}
`

// publishing is the three kinds of plan, with both networks.
func publishing(t *testing.T, fw firewall, ports ...string) plan.Plan {
	b := fw.backend(t)
	return slices.Concat(b.Host(), b.Network(network), b.Network(other), b.Publish(web(t, ports...)))
}

// A path is one that a packet may want to take, and what comes of it.
type path struct {
	from plan.NS
	to   string // address and port
	want string // port reached and address seen
}

func walk(t *testing.T, proto string, paths []path) {
	t.Helper()
	for _, p := range paths {
		wait := patience
		if p.want == "nothing" {
			wait = soon
		}
		if got := ask(t, p.from, proto, p.to, wait); got != p.want {
			t.Errorf("%q to %s: %s, want %s", p.from, p.to, got, p.want)
		}
	}
}

func TestPaths(t *testing.T) {
	paths := []path{
		{"outside", "192.0.2.1:8080", "80 from 192.0.2.2"}, // its own address
		{"", "127.0.0.1:8080", "80 from 172.17.0.1"},
		{"", "192.0.2.1:8080", "80 from 192.0.2.1"},
		{"", "172.17.0.1:8080", "80 from 172.17.0.1"},
		{"", "172.17.0.2:80", "80 from 172.17.0.1"},
		{"c1", "172.17.0.1:8080", "80 from 172.17.0.1"}, // its own port
		{"c1", "192.0.2.1:8080", "80 from 172.17.0.1"},
		{"c2", "172.17.0.1:8080", "80 from 172.17.0.1"},
		{"c2", "192.0.2.1:8080", "80 from 172.17.0.1"},
		{"c2", "172.17.0.2:80", "80 from 172.17.0.3"},
		{"c3", "172.17.0.1:8080", "80 from 172.17.0.1"},
		{"c3", "172.18.0.1:8080", "80 from 172.17.0.1"},
		{"c3", "192.0.2.1:8080", "80 from 172.17.0.1"},
		{"", "172.17.0.1:22", "22 from 172.17.0.1"}, // the host itself, over lo
		{"c1", "172.17.0.1:22", "22 from 172.17.0.2"},
		{"c1", "192.0.2.2:90", "90 from 192.0.2.1"}, // out
		{"c3", "192.0.2.2:90", "90 from 192.0.2.1"},
		{"outside", "192.0.2.1:8000", "8000 from 192.0.2.2"}, // a range
		{"outside", "192.0.2.1:8005", "8005 from 192.0.2.2"},
		{"", "127.0.0.1:8100", "8100 from 172.17.0.1"},
		{"outside", "192.0.2.1:9000", "8000 from 192.0.2.2"}, // a shifted one
		{"outside", "192.0.2.1:9005", "8005 from 192.0.2.2"},
		{"", "127.0.0.1:9100", "8100 from 172.17.0.1"},
		{"", "127.0.0.1:7000", "80 from 172.17.0.1"}, // published on this address alone
		{"", "192.0.2.1:7000", "nothing"},
		{"outside", "192.0.2.1:7000", "nothing"},
		{"c3", "172.17.0.2:80", "nothing"}, // networks are apart
		{"c3", "172.17.0.2:8080", "nothing"},
		{"outside", "172.17.0.2:80", "nothing"}, // even with a route
		{"outside", "192.0.2.1:80", "nothing"},  // not published
		{"outside", "192.0.2.1:8101", "nothing"},
	}
	for name, settings := range map[string]string{
		"lax":    "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0; bridged 0",
		"strict": "sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1; bridged 1",
	} {
		for _, proto := range []string{"tcp", "udp"} {
			t.Run(name+" "+proto, func(t *testing.T) {
				eachFirewall(t, func(t *testing.T, m *hosttest.Machine, fw firewall) {
					m.Sh(t, bridged+settings+world)
					m.Outside(t, "ip route add 172.17.0.0/16 via 192.0.2.1")
					up(t, &plan.Memory{}, publishing(t, fw, "8080:80/"+proto, "8000-8100:8000-8100/"+proto,
						"9000-9100:8000-8100/"+proto, "127.0.0.1:7000:80/"+proto))
					for _, port := range []string{"80", "8000", "8005", "8100"} {
						serve(t, "c1", proto, "0.0.0.0:"+port)
					}
					serve(t, "outside", proto, "0.0.0.0:90")
					serve(t, "", proto, "172.17.0.1:22")
					walk(t, proto, paths)
				})
			})
		}
	}
}

// A host's program may be bound to the bridge's address, and speak from it to
// the outside, which has no way back to it.
func TestTheBridgesAddressIsNotSeenOutside(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine, fw firewall) {
		m.Sh(t, world)
		up(t, &plan.Memory{}, publishing(t, fw))
		serve(t, "outside", "tcp", "0.0.0.0:90")
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(172, 17, 0, 1)}, Timeout: patience}
		c, err := d.Dial("tcp4", "192.0.2.2:90")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got := talk(t, c, patience); got != "90 from 192.0.2.1" {
			t.Error(got)
		}
	})
}

// forged routes 127.0.0.1 to the host, from a neighbour on its wire or from a
// container.
const forged = `
ip addr flush dev lo
ip link set lo down
sysctl -qw net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
ip route add 127.0.0.1 via %s dev eth0 src %s
`

func TestNobodyElseReachesLocalhost(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine, fw firewall) {
		m.Sh(t, world)
		m.Outside(t, fmt.Sprintf(forged, "192.0.2.1", "192.0.2.2"))
		m.In(t, "c2", fmt.Sprintf(forged, "172.17.0.1", "172.17.0.3"))
		p := publishing(t, fw, "127.0.0.1:8080:80")
		up(t, &plan.Memory{}, p)
		serve(t, "c1", "tcp", "0.0.0.0:80")
		serve(t, "", "tcp", "127.0.0.1:631")

		attacks := []struct {
			from       plan.NS
			to, spoils string
		}{
			{"outside", "127.0.0.1:8080", "80 from 192.0.2.2"},
			{"c2", "127.0.0.1:8080", "80 from 172.17.0.1"},
			{"c2", "127.0.0.1:631", "631 from 172.17.0.3"}, // what the host keeps to itself
		}
		m.Sh(t, fw.unguard[0])
		for _, a := range attacks {
			if got := ask(t, a.from, "tcp", a.to, patience); got != a.spoils {
				t.Errorf("without the guard the attack from %s on %s should work, but: %s", a.from, a.to, got)
			}
		}
		up(t, &plan.Memory{}, p)
		for _, a := range attacks {
			if got := ask(t, a.from, "tcp", a.to, soon); got != "nothing" {
				t.Errorf("from %s on %s, in spite of the guard: %s", a.from, a.to, got)
			}
		}
		if got := ask(t, "", "tcp", "127.0.0.1:8080", patience); got != "80 from 172.17.0.1" {
			t.Errorf("the host itself: %s", got)
		}
	})
}

// route_localnet lets a container's packets in that say they are from the host
// itself: whoever trusts 127.0.0.0/8 would trust them.
func TestNobodyElseSpeaksAsLocalhost(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine, fw firewall) {
		m.Sh(t, world)
		p := publishing(t, fw)
		up(t, &plan.Memory{}, p)
		c, err := net.ListenPacket("udp4", "0.0.0.0:53")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		first := func() string {
			forge(t, "c2", "127.0.0.2", "172.17.0.1", 53)
			forge(t, "c2", "172.17.0.3", "172.17.0.1", 53)
			if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			_, from, err := c.ReadFrom(make([]byte, 1))
			if err != nil {
				t.Fatal(err)
			}
			return from.(*net.UDPAddr).IP.String()
		}
		if got := first(); got != "172.17.0.3" {
			t.Errorf("the first packet that arrives is from %s", got)
		}
		m.Sh(t, fw.unguard[1])
		if got := first(); got != "127.0.0.2" {
			t.Errorf("without the guard a forged packet should arrive, but: %s", got)
		}
	})
}

// forge sends a UDP packet with any source address, as CAP_NET_RAW allows.
func forge(t *testing.T, ns plan.NS, from, to string, port byte) {
	t.Helper()
	src, dst := netip.MustParseAddr(from).As4(), netip.MustParseAddr(to).As4()
	const size = 20 + 8 // of the headers: raw(7) fills in IP's checksum; UDP's may be 0
	packet := slices.Concat([]byte{0x45, 0, 0, size, 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0}, src[:], dst[:],
		[]byte{0, port, 0, port, 0, size - 20, 0, 0})
	err := ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, packet, 0, &unix.SockaddrInet4{Addr: dst})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A stranger's DROP behind our jump, as ufw and others have it, does not
// matter; one in the administrator's chain does.
func TestTheAdministratorHasTheFirstWord(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine, fw firewall) {
		m.Sh(t, world)
		m.Sh(t, "iptables -A FORWARD -j DROP")
		up(t, &plan.Memory{}, publishing(t, fw, "8080:80"))
		serve(t, "c1", "tcp", "0.0.0.0:80")
		if got := ask(t, "outside", "tcp", "192.0.2.1:8080", patience); got != "80 from 192.0.2.2" {
			t.Errorf("with a DROP in FORWARD: %s", got)
		}
		m.Sh(t, fw.refuse)
		if got := ask(t, "outside", "tcp", "192.0.2.1:8080", soon); got != "nothing" {
			t.Errorf("with a drop of the administrator's: %s", got)
		}
	})
}

// Where packets go out with the containers' addresses, the answers come back
// to them, and nothing else does.
func TestContainersKeepTheirAddresses(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine, fw firewall) {
		m.Sh(t, world)
		m.Outside(t, "ip route add 172.17.0.0/16 via 192.0.2.1")
		b, n := fw.backend(t), network
		n.KeepSource = true
		up(t, &plan.Memory{}, slices.Concat(b.Host(), b.Network(n)))
		serve(t, "outside", "tcp", "0.0.0.0:90")
		serve(t, "c1", "tcp", "0.0.0.0:80")
		walk(t, "tcp", []path{
			{"c1", "192.0.2.2:90", "90 from 172.17.0.2"},
			{"outside", "172.17.0.2:80", "nothing"},
		})
	})
}
