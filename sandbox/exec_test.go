package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

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

// What is not done in time is not done at all.
func TestExecGivenUp(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		p := waiting(t, config())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := sandbox.Exec(ctx, p.Pid, p.Start, config("true").Command); err != context.Canceled {
			t.Error(err)
		}
		noZombies(t)
	})
}

// What a sandbox has made of its lists of users and groups keeps nobody
// waiting: a FIFO without a writer can't be opened, one with a silent writer
// not be read (fifo(7)).
func TestOddLists(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for made, says := range map[string]string{
			"mkfifo /etc/passwd /etc/group":                                  "",
			"mkfifo /etc/passwd; sleep 1000 3<>/etc/passwd &":                "",
			"mkdir /etc/passwd /etc/group":                                   "",
			"ln -s /dev/zero /etc/passwd; ln -s /etc/passwd /etc/group":      "",
			"ln -s loop /etc/loop; ln -s loop /etc/passwd":                   "",
			"ln -s /proc/self/fd/0 /etc/passwd; ln -s /proc/self /etc/group": "",
			"truncate -s 1G /etc/passwd":                                     "/etc/passwd: too long",
			"echo root:x:0:0::/srv: >/etc/passwd; truncate -s 1G /etc/group": "/etc/group: too long",
			"echo root:x:0:0::/srv: >/etc/users; ln -s users /etc/passwd":    "",
		} {
			c := shell("rm -rf /etc/passwd /etc/group; " + made + "\necho made")
			c.Root.Layers = layers(t)
			equal(t, made, run(t, c), "made")
			_, _, err := try(t, c) // started again
			told := ""
			if err != nil {
				told = err.Error()
			}
			equal(t, made, told, says)
			c.User = "nobody"
			if _, _, err := try(t, c); err == nil {
				t.Errorf("%s: there is nobody", made)
			}
		}
		p := waiting(t, config())
		m.Sh(t, fmt.Sprintf("cd /proc/%d/root/etc; rm passwd; mkfifo passwd", p.Pid))
		e, err := sandbox.Exec(t.Context(), p.Pid, p.Start, config("true").Command)
		if err != nil {
			t.Fatal(err)
		}
		e.Wait()
	})
}

// noZombies checks that each child that has ended was waited for.
func noZombies(t *testing.T) {
	t.Helper()
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); pid != 0 || err != nil {
		t.Errorf("child %d has ended, %v", pid, err)
	}
}
