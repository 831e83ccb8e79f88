package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// victimEnv makes the test binary a program that kills itself in the middle of
// what it does: "before 3" and "after 3" around the third op of the three
// plans, "line 3" of a real run when that is about to print its third line,
// "start 3", "rename 3", "connect 3", "disconnect 3", "round 3", "pause 3", "repair 3" of these verbs.
// "contest 3" is the fourth of contested, whole; "mute 1" is publish, without a word.
const victimEnv = "ENGINE_TEST_VICTIM"

func victim(how string) int {
	var when string
	var n int
	_, err := fmt.Sscan(how, &when, &n)
	if err == nil {
		err = die(when, n)
	}
	switch {
	case errors.Is(err, engine.ErrNoOp):
		return noOp
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func die(when string, n int) error {
	config := engine.Config{Root: engine.DefaultRoot, RunDir: engine.DefaultRunDir, Firewall: testFirewall(), Notice: os.Stderr}
	verb, known := deaths[when]
	switch {
	case when == "contest":
		return contest(config, n)
	case when == "mute":
		e, err := engine.New(config)
		return errors.Join(err, mute(), move(context.Background(), e, "publish"))
	case known:
		config.Explain = &lethal{n}
	}
	e, err := engine.New(config)
	switch {
	case err != nil:
		return err
	case known:
		return verb(context.Background(), e)
	}
	return e.UpAndDie("victim", victimPorts, n, when == "after")
}

// deaths are the verbs that a victim dies in.
var deaths = map[string]func(context.Context, *engine.Engine) error{
	"line": func(ctx context.Context, e *engine.Engine) error {
		spec := engine.Spec{Args: []string{"sleep", "1000"}, Network: "bridge", CallerDir: "/", Publish: []string{"8000:80", "9000:90/udp"}, Detach: true}
		_, err := e.Run(ctx, spec, "victim", engine.Streams{Out: os.Stdout, Err: os.Stderr})
		return err
	},
	"start": func(ctx context.Context, e *engine.Engine) error {
		_, err := e.Start(ctx, "victim", engine.StartOptions{}, engine.Streams{Out: os.Stdout, Err: os.Stderr})
		return err
	},
	"rename": func(ctx context.Context, e *engine.Engine) error { return e.Rename(ctx, "victim", "renamed") },
	"round":  func(ctx context.Context, e *engine.Engine) error { return e.Round(ctx, "victim") },
	"pause":  func(ctx context.Context, e *engine.Engine) error { return e.Pause(ctx, "victim") },
	"repair": func(ctx context.Context, e *engine.Engine) error {
		return errors.Join(e.Repair(ctx, nil, io.Discard)...)
	},
	"connect":    moving("connect"),
	"disconnect": moving("disconnect"),
	"publish":    moving("publish"),
	"unpublish":  moving("unpublish"),
}

func moving(verb string) func(context.Context, *engine.Engine) error {
	return func(ctx context.Context, e *engine.Engine) error { return move(ctx, e, verb) }
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
	if signal := cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(); signal == unix.SIGKILL || signal == unix.SIGSYS {
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
	tick := time.NewTicker(time.Millisecond) // reading all the while would keep the CPU from them
	defer tick.Stop()
	for late := time.Now().Add(patience); ; <-tick.C {
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
