package engine_test

import (
	"net"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// besides are verbs that are none of the business of a container's ports, or of
// those that were there before.
var besides = []string{
	"publish aa -p 8102:80 -p 8102:80/udp", "unpublish aa -p 8102:80 -p 8102:80/udp",
	"run -d --name cc -p 7300:80 -p 7300:80/udp sleep 1000",
	"run -d --name dd --network six -p 7301:80/udp sleep 1000",
	"network connect lab cc", "network disconnect lab cc",
	"stop -t 0 dd", "rm -f cc dd",
	"network create --ipv6 --subnet fd00:8::/64 zz", "network rm zz",
	"repair", "repair aa",
}

// What goes on through a container's ports goes on, of both families, whatever
// else comes and goes; and a UDP port that comes or goes ends its own flows
// alone.
func TestConnectionsGoOnBesideOtherVerbs(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "ip addr add 2001:db8:2::1/64 dev uplink nodad; ip -n outside addr add 2001:db8:2::2/64 dev eth0 nodad")
		talker(t, "aa", "--network six -p 8100:80 -p 8100:80/udp -p 8101:80/udp")
		stay, leave := map[string]net.Conn{}, map[string]net.Conn{}
		for _, host := range []string{"192.0.2.1", "[2001:db8:2::1]"} {
			stay["tcp "+host] = dialUp(t, "outside", "tcp", host+":8100")
			stay["udp "+host] = dialUp(t, "outside", "udp", host+":8100")
			leave["udp "+host] = dialUp(t, "outside", "udp", host+":8101")
		}
		all := func(when string, conns map[string]net.Conn) {
			for to, c := range conns {
				if err := talk(c); err != nil {
					t.Errorf("%s: %s: %v", when, to, err)
				}
			}
		}
		whole := func(when string, port uint16, want int) {
			if n := flowsTo(t, port); n != want {
				t.Errorf("%s: %d flows to port %d, want %d", when, n, port, want)
			}
		}
		all("before", stay)
		all("before", leave)
		for _, verb := range besides {
			m.Sh(t, "minibridge "+verb)
			whole(verb, 8100, 2)
			whole(verb, 8101, 2)
			all(verb, stay)
			all(verb, leave)
		}

		m.Sh(t, "minibridge unpublish aa -p 8101:80/udp")
		whole("unpublish", 8101, 0)
		whole("unpublish", 8100, 2)
		for _, c := range leave { // a flow to the host itself, which lives on while it is used
			c.Write([]byte("x"))
		}
		m.Sh(t, "minibridge publish aa -p 8101:80/udp")
		whole("publish", 8100, 2)
		all("published again", leave)
		all("published again", stay)
		m.Sh(t, "minibridge rm -f aa; ip addr del 2001:db8:2::1/64 dev uplink; ip -n outside addr del 2001:db8:2::2/64 dev eth0")
	})
}
