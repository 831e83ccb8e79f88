package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// victimEnv makes the test binary a program that kills itself in the middle of
// what it does: "before 3" and "after 3" around the third op of the three
// plans, "line 3" of a real run when that is about to print its third line,
// "start 3", "rename 3", "connect 3", "disconnect 3", "repair 3" of these verbs.
const victimEnv = "ENGINE_TEST_VICTIM"

func victim(how string) int {
	var when string
	var n int
	if _, err := fmt.Sscan(how, &when, &n); err != nil {
		panic(err)
	}
	config := engine.Config{Root: engine.DefaultRoot, RunDir: engine.DefaultRunDir, Firewall: testFirewall(), Notice: os.Stderr}
	if when != "before" && when != "after" {
		config.Explain = &lethal{n}
	}
	e, err := engine.New(config)
	switch when {
	case "connect", "disconnect", "publish", "unpublish":
		if err == nil {
			err = move(context.Background(), e, when)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	if err == nil && when == "start" {
		_, err = e.Start(context.Background(), "victim", engine.StartOptions{}, engine.Streams{Out: os.Stdout, Err: os.Stderr})
	} else if err == nil && when == "rename" {
		err = e.Rename(context.Background(), "victim", "renamed")
	} else if err == nil && when == "repair" {
		err = errors.Join(e.Repair(context.Background(), nil, io.Discard)...)
	} else if err == nil && when == "line" {
		spec := engine.Spec{Args: []string{"sleep", "1000"}, Network: "bridge", CallerDir: "/", Publish: []string{"8000:80", "9000:90/udp"}, Detach: true}
		_, err = e.Run(context.Background(), spec, "victim", engine.Streams{Out: os.Stdout, Err: os.Stderr})
	} else if err == nil {
		err = e.UpAndDie("victim", victimPorts, n, when == "after")
	}
	if errors.Is(err, engine.ErrNoOp) {
		return noOp
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// noOp is the exit code of a victim that was to die in an op that there is not.
const noOp = 9

var victimPorts = []state.Port{
	{HostIP: netip.IPv4Unspecified(), HostPort: 8000, Port: 80, Count: 1, Proto: "tcp"},
	{HostIP: netip.IPv4Unspecified(), HostPort: 9000, Port: 90, Count: 1, Proto: "udp"},
}

// lethal kills its process instead of printing the n'th line.
type lethal struct{ n int }

func (l *lethal) Write(p []byte) (int, error) {
	if l.n--; l.n <= 0 {
		return 0, unix.Kill(os.Getpid(), unix.SIGKILL)
	}
	return len(p), nil
}

// sacrifice runs a victim and gives its exit code, or 137 when it was killed.
func sacrifice(t *testing.T, how string) int {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), victimEnv+"="+how)
	out, err := cmd.CombinedOutput()
	code := cmd.ProcessState.ExitCode()
	if cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() == unix.SIGKILL {
		code = 137
	} else if code != 0 && code != noOp {
		t.Fatalf("%s: %v: %s", how, err, out)
	}
	orphans(t)
	return code
}

// orphans waits for the supervisors whose command was killed: without the go
// they end by themselves, with it they start the container.
func orphans(t *testing.T) {
	t.Helper()
	starting := func(r *state.Run) bool {
		return r.Init.Pid == 0 && sandbox.Alive(r.Supervisor.Pid, r.Supervisor.Start)
	}
	for late := time.Now().Add(patience); ; {
		runs, err := testDirs.Runs()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(runs, starting) {
			return
		}
		if time.Now().After(late) {
			t.Fatal("a supervisor neither ends nor starts its container")
		}
	}
}

// ended waits until a process has ended.
func ended(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n == 0 || err != nil {
			t.Fatalf("process %d has not ended: %v", pid, err)
		}
		return
	}
}

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
