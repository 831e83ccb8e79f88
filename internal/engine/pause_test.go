package engine_test

import (
	"fmt"
	"io"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

const mountCgroups = "mount -t cgroup2 cgroup2 /sys/fs/cgroup"

// cgroupOf is that of a paused container: all machines see the cgroups of all.
func cgroupOf(id string) string { return "/sys/fs/cgroup/minibridge-" + state.ShortID(id) }

// frozen says whether the victim's processes stand still, and wants the list to
// say the same.
func frozen(t *testing.T, m *hosttest.Machine, how string) bool {
	t.Helper()
	list, err := testEngine(t).List(engine.ListOptions{All: true})
	if err != nil || len(list) != 1 {
		t.Fatalf("%s: %v, %v", how, list, err)
	}
	dir := m.Sh(t, "ls -d "+cgroupOf(list[0].ID)+" 2>/dev/null || true")
	events := ""
	if dir != "" {
		events = m.Sh(t, "cat "+dir+"/cgroup.freeze; wc -l <"+dir+"/cgroup.procs")
	}
	switch {
	case events == "1\n2" && list[0].State == "paused":
		return true
	case events == "" && list[0].State == "running":
		return false
	}
	t.Fatalf("%s: it is %s, and in its cgroup %q", how, list[0].State, events)
	return false
}

// Killed at any line, the next verb finds the container paused, or going on and
// nothing of a pause left.
func TestKilledAtAnyLineOfAPause(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, mountCgroups)
		stages := milestones(t, m)[2:]
		for line := 1; ; line++ {
			m.Sh(t, "minibridge run -d --name victim sh -c 'sleep 1000 & wait'")
			m.Sh(t, "until [ $(minibridge top victim -o pid | wc -l) = 3 ]; do :; done")
			how := fmt.Sprint("pause ", line)
			code := sacrifice(t, how)
			if err := testEngine(t).Recover(); err != nil {
				t.Fatalf("%s: recovery: %v", how, err)
			}
			if still := frozen(t, m, how); still != (code == 0) {
				t.Errorf("%s: exit code %d, and it is paused: %v", how, code, still)
			}
			run := running(t, "victim")
			m.Sh(t, "minibridge rm -f victim; ! ls -d "+cgroupOf(run.ID))
			recovered(t, m, how, stages)
			if code == 0 {
				t.Logf("%d lines", line-1)
				return
			}
		}
	})
}

func TestSupervisorOfAPausedContainerKilled(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, mountCgroups)
		stages := milestones(t, m)[2:]
		m.Sh(t, "minibridge run -d --name victim -u 65534 sh -c 'sleep 1000 & wait'")
		m.Sh(t, "until [ $(minibridge top victim -o pid | wc -l) = 3 ]; do :; done")
		m.Sh(t, "minibridge pause victim")
		if !frozen(t, m, "before") {
			t.Fatal("it is not paused")
		}
		run := running(t, "victim")
		m.Sh(t, fmt.Sprintf("kill -9 %d; timeout 10 tail --pid %[1]d -f /dev/null", run.Supervisor.Pid))
		m.Sh(t, "minibridge ps -a --format '{{.Status}}' | grep '^Exited (137)'; ! ls -d "+cgroupOf(run.ID))
		if err := sandbox.Signal(run.Init.Pid, run.Init.Start, unix.Signal(0)); err == nil {
			m.Sh(t, fmt.Sprintf("timeout 10 tail --pid %d -f /dev/null", run.Init.Pid))
		}
		m.Sh(t, "minibridge rm victim")
		recovered(t, m, "killed", stages)
	})
}

// A command that is on its way into a container while that is paused does not
// run: it is either in there, and stands still, or is refused.
func TestExecBesidePause(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, mountCgroups+"; cp /etc/passwd /run/users; minibridge run -d --name box -v /run/users:/etc/passwd sleep 1000")
		run := running(t, "box")
		h := hosttest.NewHold(t, "/run/users") // opened by who is about to come in
		defer h.Release()
		said := start(t, exec.Command("sh", "-c", "minibridge exec box touch /ran 2>&1; echo $?"))
		h.Wait(t)
		m.Sh(t, "minibridge pause box")
		h.Release()
		out, err := io.ReadAll(said)
		if err != nil {
			t.Fatal(err)
		}
		want := "minibridge: Container box is paused, unpause the container before exec\ntry: minibridge unpause box\n1\n"
		if string(out) != want {
			t.Errorf("%q, not %q", out, want)
		}
		m.Sh(t, fmt.Sprintf("minibridge unpause box; ! ls /proc/%d/root/ran 2>&1", run.Init.Pid))
	})
}

// Pause waits for who is coming in, and nobody else for that.
func TestPauseBesideExec(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, mountCgroups+"; minibridge run -d --name box sleep 1000")
		dir := testDirs.Running(running(t, "box").ID)
		m.Sh(t, "flock -o -s "+dir+` sh -ec 'minibridge pause box >/dev/null & timeout 10 sh -c "until grep -q -e \"-> FLOCK\" /proc/locks; do :; done"
			minibridge ps --filter status=running | grep box
			timeout 60 minibridge run --rm true'`)
		m.Sh(t, `timeout 10 sh -c 'until minibridge ps --filter status=paused | grep box; do :; done'`)
	})
}
