package sandbox_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// cgroupKinds are both versions, and how they are mounted.
var cgroupKinds = map[string]string{
	"version 2": "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
	"version 1": "mount -t cgroup -o freezer cgroup /sys/fs/cgroup",
}

// tickers say something all the time. The first thread of one has ended: to
// /proc it is a zombie (proc_pid_stat(5)).
var tickers = map[string][]string{
	"a shell": {"sh", "-c", "sleep 1000 & while echo tick; do sleep 0.01; done"},
	"a process without its first thread": {"sh", "-c", fmt.Sprintf(`sleep 1000 & python3 -c '
import ctypes, os, threading, time
def tick():
    while True:
        os.write(1, b"tick\n")
        time.sleep(0.01)
threading.Thread(target=tick).start()
ctypes.CDLL(None).syscall(%d, 0)' & wait`, unix.SYS_EXIT)},
}

// TestFreeze: each op says that it is not so yet, then that it is; their texts,
// typed, do the same; and the undos leave nothing, and each process where it was.
func TestFreeze(t *testing.T) {
	for name, mount := range cgroupKinds {
		for who, argv := range tickers {
			t.Run(name+"/"+who, func(t *testing.T) { freeze(t, mount, name == "version 1", argv) })
		}
	}
}

// testCgroup is a name for a cgroup, which all machines see, as no other test has.
func testCgroup() string { return fmt.Sprintf("minibridge-test-%016x", rand.Uint64()) }

func freeze(t *testing.T, mount string, version1 bool, argv []string) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		if _, _, err := sandbox.FindFreezer(os.Getpid()); !errors.Is(err, sandbox.ErrNoFreezer) {
			t.Fatalf("nothing is mounted, and %v", err)
		}
		m.Sh(t, mount)
		pid, start, ticks := ticker(t, argv)
		above, v1, err := sandbox.FindFreezer(pid)
		if err != nil || v1 != version1 {
			t.Fatalf("%q %v %v", above, v1, err)
		}
		dir := filepath.Join(above, testCgroup())
		sleeper := m.Sh(t, "until pgrep -fx 'sleep 1000'; do :; done")
		settle(t, m, dir+"-home", sleeper)
		places := fmt.Sprintf("cat /proc/%d/cgroup /proc/%s/cgroup", pid, sleeper)
		before := m.Sh(t, places)
		p := plan.Plan{
			{Op: &sandbox.CgroupAdd{Dir: dir}},
			{Op: &sandbox.CgroupFreeze{Dir: dir, V1: v1}},
			{Op: &sandbox.CgroupEnter{Dir: dir, Pid: pid, Start: start}},
		}
		apply := func(op plan.Op) error { return op.Apply() }
		typed := func(op plan.Op) error { m.Sh(t, op.String()); return nil }
		undone := func(s plan.Step) error { return s.Apply() }
		undoneByHand := func(s plan.Step) error { m.Sh(t, s.String()); return nil }
		freezeAndThaw(t, p, dir, v1, ticks, apply, undone)
		equal(t, "the cgroups afterwards", m.Sh(t, places), before)
		freezeAndThaw(t, p, dir, v1, ticks, typed, undoneByHand)
		equal(t, "the cgroups after what was typed", m.Sh(t, places), before)
	})
}

// settle puts a process into a cgroup of its own, for as long as the test lasts:
// all machines see the cgroups of all.
func settle(t *testing.T, m *hosttest.Machine, dir, pid string) {
	t.Helper()
	m.Sh(t, fmt.Sprintf("mkdir %s; echo %s >%[1]s/cgroup.procs", dir, pid))
	t.Cleanup(func() {
		if err := (&sandbox.CgroupDel{Dir: dir}).Apply(); err != nil {
			t.Error(err)
		}
	})
}

func freezeAndThaw(t *testing.T, p plan.Plan, dir string, v1 bool, ticks *ticks, do func(plan.Op) error, take func(plan.Step) error) {
	t.Helper()
	var undos []plan.Step
	back := func() {
		for i := len(undos) - 1; i >= 0; i-- {
			if err := take(undos[i]); err != nil {
				t.Errorf("%s: %v", undos[i], err)
			}
		}
		undos = nil
	}
	defer back() // a process that is frozen by version 1 can't be killed
	for _, line := range p {
		undo, err := line.Undo()
		if undo == nil || err != nil {
			t.Fatalf("%s: before: %v, %v", line.Op, undo, err)
		}
		undos = append(undos, undo)
		if err := do(line.Op); err != nil {
			t.Fatalf("%s: %v", line.Op, err)
		}
		if undo, err := line.Undo(); undo != nil || err != nil {
			t.Errorf("%s: after: %v, %v", line.Op, undo, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := sandbox.AwaitFrozen(ctx, dir, v1); err != nil {
		t.Fatal(err)
	}
	if n := ticks.drain(); n > 0 {
		t.Errorf("frozen, and it went on: %d", n)
	}
	back()
	ticks.await(t)
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its cgroup is left: %v", err)
	}
}

// ticks are what a process says while it runs.
type ticks struct{ lines chan string }

// ticker starts one in a PID namespace of its own.
func ticker(t *testing.T, argv []string) (pid int, start uint64, said *ticks) {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if start, err = sandbox.StartTime(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	said = &ticks{lines: make(chan string)}
	go func() {
		defer close(said.lines)
		in := bufio.NewScanner(out)
		for in.Scan() {
			said.lines <- strings.TrimSpace(in.Text())
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		for range said.lines {
		}
		cmd.Wait()
	})
	said.await(t)
	return cmd.Process.Pid, start, said
}

func (s *ticks) await(t *testing.T) {
	t.Helper()
	for range 3 {
		if _, ok := <-s.lines; !ok {
			t.Fatal("it has ended")
		}
	}
}

// drain is how much comes after what is on its way, which is a pipe's fill and
// one line: none, of a process that stands still.
func (s *ticks) drain() (n int) {
	quiet := func() bool {
		select {
		case <-s.lines:
			return false
		case <-time.After(100 * time.Millisecond):
			return true
		}
	}
	for !quiet() {
		if n++; n > 1000 {
			return n
		}
	}
	return 0
}
