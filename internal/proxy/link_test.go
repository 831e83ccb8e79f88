package proxy

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// Who comes by a link that the proxy is not for gets nothing, whatever address
// it says it has; others are served.
func TestALinkThatTheProxyIsNotFor(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		address(t, m, "", "fe80::1/64", "uplink")
		address(t, m, "outside", "fe80::2/64", "eth0")
		uplink, err := net.InterfaceByName("uplink")
		if err != nil {
			t.Fatal(err)
		}
		tcp, udp := listen(t, somewhere, echo), answer(t, somewhere)
		one, at := bound(t, "tcp", "[::]:80", tcp.Port())
		two, _ := bound(t, "udp", "[::]:80", udp.Port())
		links := make(chan int, 10)
		startFor(t, func(link int) bool {
			links <- link
			return link != uplink.Index
		}, to(tcp.Addr()), one, two)
		isReset(t, outside(t, unix.SOCK_STREAM))
		c := outside(t, unix.SOCK_DGRAM)
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if link := <-links; link != uplink.Index {
				t.Errorf("it comes by link %d, not %d", link, uplink.Index)
			}
		}
		local := netip.AddrPortFrom(netip.IPv6Loopback(), at.Port())
		say(t, dial(t, local), "hello", "hello")
		exchange(t, client(t, local), "hello") // what was to come before this one would have come
		if n, err := readNow(c); err == nil {
			t.Errorf("an answer of %d bytes", n)
		}
	})
}

// readNow reads what has come.
func readNow(c net.Conn) (int, error) {
	c.SetReadDeadline(time.Unix(1, 0))
	return c.Read(make([]byte, 100))
}
