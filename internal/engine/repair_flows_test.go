package engine_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

// echoEnv makes the test binary a server that sends back whatever comes, by TCP
// and UDP.
const echoEnv = "ENGINE_TEST_ECHO" // the port

func echo(port string) int {
	packets, err := net.ListenPacket("udp", ":"+port)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	go func() {
		b := make([]byte, 64)
		for {
			if n, from, err := packets.ReadFrom(b); err == nil {
				packets.WriteTo(b[:n], from)
			}
		}
	}()
	l, err := net.Listen("tcp", ":"+port)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready")
	for {
		c, err := l.Accept()
		if err != nil {
			return 1
		}
		go func() { io.Copy(c, c); c.Close() }()
	}
}

// talker is a container that echoes, on ports of the host.
func talker(t *testing.T, name, flags string) {
	t.Helper()
	args := append([]string{"run", "--rm", "--name", name, "-e", echoEnv + "=80"}, strings.Fields(flags)...)
	line(t, start(t, program(append(args, self(t))...)), "ready")
}

// talk sends a byte and wants it back; a packet is sent again.
func talk(c net.Conn) error {
	for late := time.Now().Add(patience); ; {
		c.Write([]byte("x")) // an error of an earlier packet: the answer, or none, tells
		c.SetReadDeadline(time.Now().Add(patience))
		if _, udp := c.(*net.UDPConn); udp {
			c.SetReadDeadline(time.Now().Add(patience / 20))
		}
		n, err := c.Read(make([]byte, 1))
		if n == 1 || time.Now().After(late) {
			return err
		}
	}
}

// dialUp connects from a namespace.
func dialUp(t *testing.T, ns plan.NS, network, addr string) (c net.Conn) {
	t.Helper()
	err := ns.Do(func() (err error) {
		c, err = net.DialTimeout(network, addr, patience)
		return err
	})
	if err != nil {
		t.Fatalf("%s %s: %v", network, addr, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Connections through what is whole go on, and so do those through what was
// repaired; what was sent past a port that was not published is led to it.
func TestRepairDisturbsNobody(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine) {
		talker(t, "aa", "--network lab -p 8100:80 -p 8100:80/udp -p 8101:80/udp")
		talker(t, "bb", "-p 7100:80 -p 7100:80/udp")
		conns := map[string]net.Conn{}
		for _, to := range []string{"tcp4 8100", "tcp4 7100", "udp4 8100", "udp4 8101", "udp4 7100"} {
			network, port, _ := strings.Cut(to, " ")
			conns[to] = dialUp(t, "outside", network, "192.0.2.1:"+port)
			if err := talk(conns[to]); err != nil {
				t.Fatalf("%s: %v", to, err)
			}
		}
		m.Sh(t, "iptables -t mangle -A FORWARD -s 203.0.113.0/24 -j ACCEPT; nft add table ip theirs; nft add chain ip theirs forward; "+admins[testFirewall()])
		before := m.State(t)
		m.Sh(t, unpublish("tcp", "8100")+unpublish("udp", "8100")+"ip link del "+wired(t, "bb").Veth)
		for range 3 { // a flow that leads to nobody, and lives on while it is used
			conns["udp4 8100"].Write([]byte("x"))
		}
		m.Sh(t, "minibridge repair")
		if kept := []int{flowsTo(t, 8101), flowsTo(t, 7100)}; kept[0] != 1 || kept[1] != 1 {
			t.Errorf("%d flows to ports that were there all the time", kept)
		}
		for to, c := range conns {
			if err := talk(c); err != nil {
				t.Errorf("%s: %v", to, err)
			}
			c.Close()
		}
		if after := m.State(t); inAnyOrder(after) != inAnyOrder(before) {
			t.Errorf("other than before:\n%s", hosttest.Diff(before, after))
		}
		m.Sh(t, "minibridge rm -f aa bb; iptables -t mangle -D FORWARD -s 203.0.113.0/24 -j ACCEPT; "+noAdmins[testFirewall()])
	})
}

// The administrator's rules, and how they go.
var (
	admins = map[string]string{
		"iptables": "iptables -A MINIBRIDGE-USER -s 203.0.113.0/24 -j DROP",
		"nftables": "nft add rule inet minibridge user ip saddr 203.0.113.0/24 drop",
	}
	noAdmins = map[string]string{"iptables": "iptables -F MINIBRIDGE-USER", "nftables": "nft flush chain inet minibridge user"}
)

// flowsTo counts the UDP flows to a port of the host, of both families, that a
// container answers.
func flowsTo(t *testing.T, port uint16) (n int) {
	t.Helper()
	for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
		flows, err := netlink.ConntrackTableList(netlink.ConntrackTable, family)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range flows {
			if f.Forward.Protocol == unix.IPPROTO_UDP && f.Forward.DstPort == port && !f.Reverse.SrcIP.Equal(f.Forward.DstIP) {
				n++
			}
		}
	}
	return n
}
