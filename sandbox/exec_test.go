package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

// What execve itself refuses is told as what is not found, and nothing is left.
func TestExecRefused(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		dir := tempDir(t)
		write(t, dir+"/junk", "junk", 0o755)
		c := config()
		c.Binds = []sandbox.Bind{{Source: dir, Target: "/d"}}
		p := waiting(t, c)
		_, err := sandbox.Exec(t.Context(), p.Pid, p.Start, config("/d/junk").Command)
		e, ok := errors.AsType[*sandbox.ExecError](err)
		if !ok || e.ExitCode() != 126 || e.Errno != unix.ENOEXEC || e.Error() != `exec: "/d/junk": exec format error` {
			t.Error(err)
		}
		noZombies(t)
	})
}

// Files of the sandbox that keep it waiting don't outlast the caller's
// patience: without a writer, a FIFO can't be opened for reading (fifo(7)).
func TestExecGivenUp(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		p := waiting(t, config())
		passwd := fmt.Sprintf("/proc/%d/root/etc/passwd", p.Pid)
		if err := errors.Join(os.Remove(passwd), unix.Mkfifo(passwd, 0o644)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // whether it hangs by then or not
		defer cancel()
		if _, err := sandbox.Exec(ctx, p.Pid, p.Start, config("true").Command); err != context.DeadlineExceeded {
			t.Error(err)
		}
		noZombies(t)
	})
}

// noZombies checks that each child that has ended was waited for.
func noZombies(t *testing.T) {
	t.Helper()
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); pid != 0 || err != nil {
		t.Errorf("child %d has ended, %v", pid, err)
	}
}
