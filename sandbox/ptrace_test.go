package sandbox_test

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

// reachEnv makes the test binary a program that looks for a way out of its
// sandbox.
const reachEnv = "SANDBOX_TEST_REACH"

// reach looks into each process that turns up, for as long as it is there, and
// ends when it has found a file of the host.
func reach() {
	places := []string{"root/run/marker", "cwd/run/marker"}
	for fd := range 20 {
		places = append(places, fmt.Sprintf("fd/%d/marker", fd))
	}
	fmt.Println("ready")
	const ahead = 20
	for last := unix.Getpid(); ; {
		for pid := last + 1; pid < last+ahead; pid++ {
			if unix.Access(fmt.Sprintf("/proc/self/task/%d", pid), unix.F_OK) == nil {
				continue // a thread of this process
			}
			proc := fmt.Sprintf("/proc/%d/", pid)
			for unix.Access(proc, unix.F_OK) == nil {
				last = pid
				for _, place := range places {
					if unix.Access(proc+place, unix.F_OK) == nil {
						fmt.Println(place)
						unix.Exit(0)
					}
				}
			}
		}
	}
}

// A sandbox that may trace its processes sees a joining command from the first
// moment on, and finds nothing of the host in it.
func TestExecBringsNothingOfTheHost(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		write(t, "/run/marker", "", 0o644)
		leakDir(t, "/run", 15)
		out, all := output(t)
		c := config(self)
		c.Env = append(c.Env, reachEnv+"=1")
		c.Stdout = out
		c.Caps.Add = []string{"SYS_PTRACE"}
		p, err := start(t, c)
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			e, err := sandbox.Exec(t.Context(), p.Pid, p.Start, sandbox.Command{Args: []string{"true"}, Env: []string{path}, Caps: c.Caps})
			if err != nil {
				break // it found one, and has ended
			}
			e.Wait()
		}
		p.Signal(unix.SIGKILL)
		p.Wait()
		equal(t, "found", all(), "ready\n")
	})
}

// leakDir leaves a directory open, as a shell with `exec 15<DIR` does.
func leakDir(t *testing.T, dir string, atLeast int) {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD, atLeast)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
}
