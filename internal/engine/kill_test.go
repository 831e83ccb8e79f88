package engine_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/state"
)

// patience is how long something that must come may take on a busy machine.
const patience = 10 * time.Second

// milestones are the states that a machine can be in after recovery: nothing
// was used yet, the host's plan is up, and the default network's too. They
// leave the machine in the last one.
func milestones(t *testing.T, m *hosttest.Machine) []string {
	t.Helper()
	all := []string{quiet(t, m)}
	for _, network := range []string{"none", "bridge"} {
		m.Sh(t, "minibridge run --rm --network "+network+" true")
		all = append(all, quiet(t, m))
	}
	return all
}

// quiet is the state of a machine when the last container's link, which goes
// late, has gone. The default network's id, another one after each reset, is
// left out.
func quiet(t *testing.T, m *hosttest.Machine) string { return quietExcept(t, m, "") }

// quietExcept is quiet but for the link of a container that runs.
func quietExcept(t *testing.T, m *hosttest.Machine, alive string) string {
	t.Helper()
	s := m.State(t)
	for {
		veths := slices.DeleteFunc(veth.FindAllString(s, -1), func(name string) bool { return name == alive })
		if len(veths) == 0 {
			break
		}
		m.WaitNoLink(t, veths[0])
		s = m.State(t)
	}
	networks, err := state.Dirs{Root: engine.DefaultRoot}.Networks()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range networks {
		mac := fmt.Sprintf("02:42:%s:%s:%s:%s", n.ID[:2], n.ID[2:4], n.ID[4:6], n.ID[6:8])
		s = strings.NewReplacer(state.ShortID(n.ID), n.Name, mac, n.Name).Replace(s)
	}
	return s
}

var veth = regexp.MustCompile(`mbv[0-9a-f]{8}`)

// left are the files that speak of containers.
func left(t *testing.T) (files []string) {
	t.Helper()
	for _, pattern := range []string{
		engine.DefaultRoot + "/containers/*", engine.DefaultRoot + "/names/*", engine.DefaultRunDir + "/containers/*",
		engine.DefaultRunDir + "/leases/*/*", engine.DefaultRunDir + "/netns/*", engine.DefaultRunDir + "/layers/*",
		engine.DefaultRunDir + "/journal/ctr-*",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	return files
}

// recovered lets the next verb clean up, and wants nothing of a container to be
// left, and the rest whole or gone. A second time changes nothing.
func recovered(t *testing.T, m *hosttest.Machine, how string, milestones []string) {
	t.Helper()
	for range 2 {
		if err := testEngine(t).Recover(); err != nil {
			t.Fatalf("%s: recovery: %v", how, err)
		}
		if have := quiet(t, m); !slices.Contains(milestones, have) {
			last := milestones[len(milestones)-1]
			t.Fatalf("%s: the machine is not as before, or after the first use, which is:\n%s", how, hosttest.Diff(last, have))
		}
		if files := left(t); len(files) > 0 {
			t.Fatalf("%s: left behind: %q", how, files)
		}
	}
}

func TestKilledAroundAnyOpOfTheFirstRun(t *testing.T) {
	for _, c := range []string{"before iptables", "after iptables", "before nftables", "after nftables"} {
		when, firewall, _ := strings.Cut(c, " ")
		t.Run(c, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				t.Setenv("MINIBRIDGE_FIREWALL", firewall)
				stages := milestones(t, m)
				m.Sh(t, "minibridge reset -f")
				for op := 1; ; op++ {
					how := fmt.Sprint(when, " ", op)
					code := sacrifice(t, how)
					recovered(t, m, how, stages)
					if code == noOp {
						t.Logf("%d ops", op-1)
						return
					}
					if op%5 == 0 {
						m.Sh(t, "minibridge run --rm --name victim -p 8000:80 -p 9000:90/udp true")
						recovered(t, m, how, stages[2:])
					}
					m.Sh(t, "minibridge reset -f")
					if have := quiet(t, m); have != stages[0] {
						t.Fatalf("%s: reset leaves:\n%s", how, hosttest.Diff(stages[0], have))
					}
				}
			})
		})
	}
}

// The same for the whole of a real run, with its supervisor: what lies between
// the plans, too.
func TestKilledAtAnyLineOfARun(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		stages := milestones(t, m)[2:]
		for line := 1; ; line++ {
			how := fmt.Sprint("line ", line)
			if sacrifice(t, how) == 0 {
				t.Logf("%d lines", line-1)
				break
			}
			recovered(t, m, how, stages)
		}
		m.Sh(t, "minibridge rm -f victim")
		recovered(t, m, "removed", stages)
	})
}

// And at any other time: the delays are spread over what a run takes.
func TestKilledAtAnyTime(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		stages := milestones(t, m)[2:]
		run := func() *exec.Cmd {
			return exec.Command("minibridge", "run", "-d", "--name", "victim", "-p", "8000:80", "-v", "/srv:/srv", "sleep", "1000")
		}
		begun := time.Now()
		if out, err := run().CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		whole := time.Since(begun)
		m.Sh(t, "minibridge rm -f victim")
		const kills = 40
		for i := range kills {
			cmd := run()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			timer := time.AfterFunc(whole*time.Duration(i)/kills, func() { cmd.Process.Kill() })
			cmd.Wait()
			timer.Stop()
			orphans(t)
			how := fmt.Sprintf("killed after %d/%d of a run", i, kills)
			if err := testEngine(t).Recover(); err != nil {
				t.Fatalf("%s: recovery: %v", how, err)
			}
			m.Try("minibridge rm -f victim") // it may have come so far that it runs on
			recovered(t, m, how, stages)
		}
	})
}
