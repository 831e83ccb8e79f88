package plan_test

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

func TestNSDo(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		home := m.Sh(t, "readlink /proc/self/ns/net")
		there := m.Outside(t, "readlink /proc/self/ns/net")
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				err := plan.NS("outside").Do(func() error {
					if have, err := os.Readlink("/proc/thread-self/ns/net"); have != there {
						t.Errorf("inside is %s, not %s: %v", have, there, err)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if have, err := os.Readlink("/proc/self/ns/net"); have != home {
			t.Errorf("the process is in %s, not %s: %v", have, home, err)
		}
		if err := plan.NS("nobody").Do(func() error { return nil }); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a namespace that is not there gives %v", err)
		}
	})
}

func TestNSText(t *testing.T) {
	t.Parallel()
	for ns, want := range map[plan.NS][3]string{
		"":    {"ip", "", ""},
		"web": {"ip -n web", "ip netns exec web ", "/run/netns/web"},
	} {
		if have := [3]string{ns.IP(), ns.Exec(), ns.Path()}; have != want {
			t.Errorf("namespace %q is written %q, not %q", ns, have, want)
		}
	}
}
