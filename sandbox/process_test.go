package sandbox_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

func ignoreHangup() { signal.Ignore(unix.SIGHUP) }

func noCloseOnExec(t *testing.T, f *os.File) {
	t.Helper()
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil {
		t.Fatal(err)
	}
}

// A sandbox dies with the program that started it, whoever its user is.
func TestEndsWithCaller(t *testing.T) {
	for _, user := range []string{"root", "nobody"} {
		t.Run(user, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				cmd := exec.Command("/proc/self/exe")
				cmd.Env = []string{callerEnv + "=" + user}
				cmd.Stderr = os.Stderr
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				var pid int
				var start uint64
				if _, err := fmt.Fscan(bufio.NewReader(out), &pid, &start); err != nil {
					t.Fatal(err)
				}
				if !sandbox.Alive(pid, start) {
					t.Fatal("not alive")
				}
				pidfd, err := unix.PidfdOpen(pid, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer unix.Close(pidfd)
				cmd.Process.Kill()
				cmd.Wait()
				n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(5*time.Second/time.Millisecond))
				if n != 1 {
					t.Errorf("after 5 s still there (%v)", err)
				}
			})
		})
	}
}

// A pid alone does not name a process: another may have got it.
func TestIdentity(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		p := waiting(t, config())
		if !sandbox.Alive(p.Pid, p.Start) || sandbox.Alive(p.Pid, p.Start+1) {
			t.Error("Alive does not tell start times apart")
		}
		if err := sandbox.Signal(p.Pid, p.Start+1, unix.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("signal to a stranger: %v", err)
		}
		if err := sandbox.Signal(p.Pid, p.Start, unix.SIGKILL); err != nil {
			t.Error(err)
		}
		if code, err := p.Wait(); code != 137 || err != nil {
			t.Errorf("exit code %d, %v", code, err)
		}
		if sandbox.Alive(p.Pid, p.Start) {
			t.Error("alive after its end")
		}
		if err := sandbox.Signal(p.Pid, p.Start, unix.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("signal after its end: %v", err)
		}
	})
}

// A process whose first thread has ended is a zombie to /proc, and keeps its
// files as long as another thread lives.
func TestAliveWithoutTheFirstThread(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		cmd := exec.Command("python3", "-c", `import ctypes, sys, threading
threading.Thread(target=threading.Event().wait).start()
ctypes.CDLL(None).syscall(int(sys.argv[1]), 0)`, fmt.Sprint(unix.SYS_EXIT))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		pid := cmd.Process.Pid
		start, err := sandbox.StartTime(pid)
		if err != nil {
			t.Fatal(err)
		}
		m.Sh(t, fmt.Sprintf("until grep -q '^State:\tZ' /proc/%d/status; do :; done", pid))
		if !sandbox.Alive(pid, start) {
			t.Error("not alive, with a thread")
		}
		cmd.Process.Kill()
		pidfd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pidfd)
		n, err := 0, error(unix.EINTR)
		for err == unix.EINTR {
			n, err = unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(5*time.Second/time.Millisecond))
		}
		if n != 1 || err != nil {
			t.Fatalf("after 5 s still there (%v)", err)
		}
		if sandbox.Alive(pid, start) {
			t.Error("alive, as nobody has waited for it")
		}
		cmd.Wait()
	})
}

// A command that gets hold of the program that starts it can't write to it
// (CVE-2019-5736).
func TestProgramIsReadOnly(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		script := tempDir(t) + "/script"
		write(t, script, "#!/proc/self/exe\n", 0o755)
		c := config(script)
		equal(t, "start", run(t, c), unix.EROFS.Error())

		p := waiting(t, config())
		out, all := output(t)
		e, err := sandbox.Exec(t.Context(), p.Pid, p.Start, sandbox.Command{Args: []string{script}, Stdout: out})
		if err != nil {
			t.Fatal(err)
		}
		e.Wait()
		equal(t, "exec", all(), unix.EROFS.Error()+"\n")
	})
}

// Many at once do not get in each other's way.
func TestManyAtOnce(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		var all sync.WaitGroup
		for i := range 20 {
			c := config("sh", "-c", fmt.Sprintf("echo %d >/etc/mine; read n </etc/mine; exit $n", i))
			c.Root.Layers = layers(t)
			all.Go(func() {
				p, err := sandbox.Start(c)
				if err == nil {
					err = p.Go(t.Context(), nil)
				}
				if err != nil {
					t.Error(err)
					return
				}
				if code, err := p.Wait(); code != i || err != nil {
					t.Errorf("%d: exit code %d, %v", i, code, err)
				}
			})
		}
		all.Wait()
	})
}
