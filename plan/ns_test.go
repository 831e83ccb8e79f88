package plan_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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

// A thread that can't come back does nothing else.
func TestNSDoNoWayBack(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		var thread string
		reason := make(chan any)
		go func() {
			defer func() { reason <- recover() }()
			_ = plan.NS("outside").Do(func() error {
				thread = fmt.Sprintf("/proc/self/task/%d", unix.Gettid())
				head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
				none := make([]unix.CapUserData, 2)
				return unix.Capset(&head, &none[0]) // setns(2) needs CAP_SYS_ADMIN
			})
			t.Error("the caller went on")
		}()
		if why, _ := (<-reason).(string); !strings.HasPrefix(why, "no way back from network namespace /run/netns/outside: ") {
			t.Errorf("panicked with %q", why)
		}
		for late := time.Now().Add(5 * time.Second); ; {
			if _, err := os.Stat(thread); errors.Is(err, fs.ErrNotExist) {
				return
			}
			if time.Now().After(late) {
				t.Fatal("the thread is still there")
			}
		}
	})
}

// What ends f otherwise than by returning, finds the thread where it was.
func TestNSDoPanics(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		home := m.Sh(t, "readlink /proc/self/ns/net")
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		func() {
			defer func() {
				if have := recover(); have != io.EOF {
					t.Errorf("panicked with %v", have)
				}
			}()
			_ = plan.NS("outside").Do(func() error { panic(io.EOF) })
		}()
		if have, err := os.Readlink("/proc/thread-self/ns/net"); have != home {
			t.Errorf("the thread is in %s, not %s: %v", have, home, err)
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
