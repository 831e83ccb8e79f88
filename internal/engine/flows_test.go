package engine_test

import (
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// The next container gets the address at once, and must not get what was sent
// to the last one.
func TestFlowsGoWithTheirContainer(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		send := func(name, from string) {
			run := program("run", "--name", name, "bash", "-c", "echo hello >/dev/udp/192.0.2.2/99; echo sent; sleep 1000")
			line(t, start(t, run), "sent")
			for late := time.Now().Add(patience); flowsFrom(t, from) != 1; { // a link that has just come up may still hold it back
				if time.Now().After(late) {
					t.Fatalf("%d flows while %s runs", flowsFrom(t, from), name)
				}
			}
		}
		send("other", "172.17.0.2")
		for _, end := range []string{"rm -f web", "kill web; minibridge rm web"} {
			send("web", "172.17.0.3")
			m.Sh(t, "minibridge "+end)
			if n := flowsFrom(t, "172.17.0.3"); n != 0 {
				t.Errorf("%s leaves %d flows", end, n)
			}
		}
		if n := flowsFrom(t, "172.17.0.2"); n != 1 {
			t.Errorf("another's flow: %d", n)
		}
	})
}

func flowsFrom(t *testing.T, ip string) (n int) {
	t.Helper()
	flows, err := netlink.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range flows {
		if f.Forward.SrcIP.String() == ip {
			n++
		}
	}
	return n
}
