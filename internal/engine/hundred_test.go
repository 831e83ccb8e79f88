package engine_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// Ten people at once make ten networks each and three containers on each of
// them, look at all, and take all away.
func TestAHundredNetworks(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		used := milestones(t, m)[2:]
		each := func(do func(i int, network string, containers []string)) {
			var all sync.WaitGroup
			for first := range 10 {
				all.Go(func() {
					for i := first; i < 100; i += 10 {
						n := fmt.Sprint("net", i)
						do(i, n, []string{n + "-a", n + "-b", n + "-c"})
					}
				})
			}
			all.Wait()
		}
		minibridge := func(args ...string) string {
			out, err := program(args...).CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v: %s", strings.Join(args, " "), err, out)
			}
			return string(out)
		}

		each(func(i int, network string, containers []string) {
			minibridge("network", "create", "--subnet", fmt.Sprintf("10.9.%d.0/24", i), network)
			for _, c := range containers {
				minibridge("run", "-d", "--name", c, "--network", network, "sleep", "1000")
			}
		})
		each(func(i int, network string, containers []string) {
			var have []struct {
				Containers map[string]struct {
					Name        string
					IPv4Address netip.Prefix
				}
			}
			if err := json.Unmarshal([]byte(minibridge("network", "inspect", network)), &have); err != nil {
				t.Error(err)
				return
			}
			got, want := map[netip.Prefix]string{}, map[netip.Prefix]string{}
			for _, c := range have[0].Containers {
				got[c.IPv4Address] = c.Name
			}
			for k, c := range containers {
				want[netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, byte(i), byte(2 + k)}), 24)] = c
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("on %s are %v, not %v", network, got, want)
			}
		})
		if n := strings.Count(minibridge("network", "ls", "-q"), "\n"); n != 103 {
			t.Errorf("%d networks are listed", n)
		}
		each(func(i int, network string, containers []string) {
			minibridge(append([]string{"rm", "-f"}, containers...)...)
			minibridge("network", "rm", network)
		})
		recovered(t, m, "a hundred networks", used)
	})
}
