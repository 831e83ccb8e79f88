package nat_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// Publish port 8080 of the host as port 80 of a container that is there
// already, on the bridge br0; the host's and the network's plans go up first.
func Example() {
	firewall := nat.Iptables()
	host := plan.Executor{Journal: &plan.Memory{}} // one owner, one journal
	lan := plan.Executor{Journal: &plan.Memory{}}
	web := plan.Executor{Journal: &plan.Memory{}}

	up := func(e *plan.Executor, p plan.Plan) {
		if err := e.Up(context.Background(), p); err != nil {
			log.Fatal(err)
		}
	}
	up(&host, firewall.Host())
	up(&lan, firewall.Network(nat.Network{ID: "lan", Bridge: "br0", Subnet: netip.MustParsePrefix("10.1.0.0/24")}))
	up(&web, firewall.Publish(nat.Publish{ID: "web", Bridge: "br0", Target: netip.MustParseAddr("10.1.0.2"),
		Mappings: []nat.Mapping{{HostPort: 8080, Port: 80, Count: 1, Proto: "tcp"}}}))

	// … and back, newest first.
	for _, e := range []*plan.Executor{&web, &lan, &host} {
		if err := e.Down(0); err != nil {
			log.Print(err)
		}
	}
}

// The example needs root, and a machine to try it on.
func TestExample(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "ip link add br0 type bridge")
		before := m.State(t)
		Example()
		m.WaitState(t, before)
	})
}

func ExampleIptables() {
	p := nat.Iptables().Publish(nat.Publish{
		ID:       "c0ffee",
		Target:   netip.MustParseAddr("172.17.0.2"),
		Mappings: []nat.Mapping{{HostPort: 8080, Port: 80, Count: 1, Proto: "tcp"}},
	})
	fmt.Print(p)
	// Output:
	// # packets to these ports of the host go to the container
	// iptables -t nat -A MINIBRIDGE -p tcp -m tcp --dport 8080 -m comment --comment "minibridge:publish:c0ffee" -j DNAT --to-destination 172.17.0.2:80
}

func ExampleParseSpec() {
	spec, err := nat.ParseSpec("127.0.0.1:8000-8100:8000-8100")
	fmt.Println(spec, spec.Count(), err)
	_, err = nat.ParseSpec("localhost:80:80")
	fmt.Println(err)
	// Output:
	// 127.0.0.1:8000-8100:8000-8100/tcp 101 <nil>
	// invalid IP address: localhost
}

func ExamplePortsColumn() {
	fmt.Println(nat.PortsColumn(
		[]nat.Mapping{{HostPort: 8000, Port: 8000, Count: 3, Proto: "tcp"}, {HostPort: 8080, Port: 80, Count: 1, Proto: "tcp"}},
		[]nat.Port{{Number: 443, Proto: "tcp"}}))
	// Output:
	// 443/tcp, 0.0.0.0:8000-8002->8000-8002/tcp, 0.0.0.0:8080->80/tcp
}
