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

// publishing is the three kinds of plan, with both networks.
func publishing(t *testing.T, fw firewall, ports ...string) plan.Plan {
	b := fw.backend(t)
	return slices.Concat(b.Host(), b.Network(network), b.Network(other), b.Publish(web(t, ports...)))
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
