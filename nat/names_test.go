package nat_test

import (
	"net/netip"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// Questions inside a container's namespace reach its name server, from inside
// alone, and the host's namespace knows nothing of that.
func TestQuestionsReachTheNameServer(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine, fw firewall) {
		m.Sh(t, world)
		p := fw.backend(t).Redirect(nat.Redirect{ID: "c0ffee123456", NS: "c1", Addr: netip.MustParseAddr("127.0.0.11"), Port: 40000})
		for _, proto := range []string{"tcp", "udp"} {
			serve(t, "c1", proto, "127.0.0.11:40000")
			if got := ask(t, "c1", proto, "127.0.0.11:53", soon); got != "nothing" {
				t.Fatalf("%s before: %s", proto, got)
			}
		}
		m.Twin(t, p[0].Op, world)
		j := &plan.Memory{}
		up(t, j, p)
		for _, proto := range []string{"tcp", "udp"} {
			if got := ask(t, "c1", proto, "127.0.0.11:53", patience); got != "40000 from 127.0.0.1" {
				t.Errorf("%s: %s", proto, got)
			}
			if got := ask(t, "c1", proto, "127.0.0.12:53", soon); got != "nothing" {
				t.Errorf("%s at another address: %s", proto, got)
			}
		}
		down(t, j)
		if got := ask(t, "c1", "tcp", "127.0.0.11:53", soon); got != "nothing" {
			t.Errorf("taken back: %s", got)
		}
		up(t, j, p)
		m.Sh(t, "ip netns del c1")
		down(t, j) // which the namespace has done
	})
}
