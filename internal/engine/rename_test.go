package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/hosttest"
)

// named wants a running container to have one of two names, in every place, and
// the other one to be free; it returns the name.
func named(t *testing.T, m *hosttest.Machine, how string, names ...string) string {
	t.Helper()
	list, err := testEngine(t).List(engine.ListOptions{All: true})
	if err != nil || len(list) != 1 {
		t.Fatalf("%s: %v, %v", how, list, err)
	}
	name := list[0].Name
	run := running(t, name)
	if got := m.Sh(t, "ls /run/netns /var/lib/minibridge/names | grep -v outside"); got != "/run/netns:\n"+name+"\n\n/var/lib/minibridge/names:\n"+name {
		t.Errorf("%s: the names are\n%s", how, got)
	}
	if got := m.Sh(t, "ip netns exec "+name+" readlink /proc/self/ns/net; readlink /proc/"+fmt.Sprint(run.Init.Pid)+"/ns/net | uniq"); len(strings.Fields(got)) != 2 || strings.Fields(got)[0] != strings.Fields(got)[1] {
		t.Errorf("%s: the name is another namespace's: %s", how, got)
	}
	for _, at := range run.Wired() {
		if got := m.Sh(t, "cat /sys/class/net/"+at.Veth+"/ifalias"); got != name+" on "+at.Network {
			t.Errorf("%s: its cable is %q", how, got)
		}
		if len(at.Names) > 0 && at.Names[0] != name {
			t.Errorf("%s: its peers call it %q", how, at.Names)
		}
	}
	if run.Name != name || run.Netns != name {
		t.Errorf("%s: the run is of %s in %s", how, run.Name, run.Netns)
	}
	undo := m.Sh(t, "minibridge script --undo")
	for _, other := range names {
		if other != name && strings.Contains(undo, other) {
			t.Errorf("%s: undo steps speak of %s:\n%s", how, other, undo)
		}
	}
	return name
}

// Killed at any line, the next verb finds the old name or the new one.
func TestKilledAtAnyLineOfARename(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		stages := milestones(t, m)[2:]
		for line := 1; ; line++ {
			m.Sh(t, "minibridge run -d --name victim -p 8000:80 sleep 1000")
			how := fmt.Sprint("rename ", line)
			code := sacrifice(t, how)
			if err := testEngine(t).Recover(); err != nil {
				t.Fatalf("%s: recovery: %v", how, err)
			}
			name := named(t, m, how, "victim", "renamed")
			m.Sh(t, "minibridge rm -f "+name)
			recovered(t, m, how, stages)
			if code == 0 {
				if name != "renamed" {
					t.Errorf("it is called %s", name)
				}
				t.Logf("%d lines", line-1)
				return
			}
		}
	})
}

func TestKilledAtAnyTimeOfARename(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge network create lab")
		m.Sh(t, "minibridge run -d --network lab --name older -p 8000:80 sleep 1000")
		begun := time.Now()
		m.Sh(t, "minibridge rename older newer")
		whole := time.Since(begun)
		names, now := []string{"older", "newer"}, 1
		var old int
		const kills = 60
		for i := range kills {
			cmd := program("rename", names[now], names[1-now])
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			timer := time.AfterFunc(whole*time.Duration(i)/kills, func() { cmd.Process.Kill() })
			cmd.Wait()
			timer.Stop()
			how := fmt.Sprintf("killed after %d/%d of a rename", i, kills)
			if err := testEngine(t).Recover(); err != nil {
				t.Fatalf("%s: recovery: %v", how, err)
			}
			if named(t, m, how, names...) == names[now] {
				old++
			} else {
				now = 1 - now
			}
		}
		t.Logf("of %d, %d have the old name", kills, old)
		m.Sh(t, "minibridge stop -t 0 "+names[now]+"; minibridge start "+names[now])
		named(t, m, "started again", names...)
		m.Sh(t, "minibridge rm -f "+names[now])
		if files := left(t); len(files) > 0 {
			t.Errorf("left behind: %q", files)
		}
	})
}

// A rename that fails in the middle leaves the old name, and frees the new.
func TestARenameThatFails(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run -d --name web sleep 1000")
		m.Sh(t, "ip link set dev "+running(t, "web").Wired()[0].Veth+" alias theirs")
		err := testEngine(t).Rename(context.Background(), "web", "site")
		if err == nil || !strings.Contains(err.Error(), `has the alias "theirs" already`) {
			t.Errorf("%v", err)
		}
		m.Sh(t, "ip link set dev "+running(t, "web").Wired()[0].Veth+" alias 'web on bridge'")
		if name := named(t, m, "failed", "web", "site"); name != "web" {
			t.Errorf("it is %s", name)
		}
		m.Sh(t, "minibridge rename web site")
		named(t, m, "tried again", "web", "site")
	})
}

// Each step of the plan is true, and leaves no trace when it fails.
func TestRenamePlan(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run -d --name web sleep 1000")
		m.NoTrace(t, testEngine(t).RenamePlan(running(t, "web"), "site"))
	})
}
