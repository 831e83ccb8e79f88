package sandbox_test

import (
	"bufio"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

// An init stands between the sandbox and its command, and has no more rights
// than that one.
func TestInit(t *testing.T) {
	for name, tt := range map[string]struct {
		set    func(*sandbox.Config)
		script string
		want   string
	}{
		"it is PID 1": {script: `test $$ != 1; tr '\0' ' ' </proc/1/cmdline | cut -c 1-24; echo $PPID`, want: "minibridge-init -- sh -c\n1"},
		"it waits for orphans": {
			script: `sh -c 'sh -c "echo $$ >/orphan" & wait'; read pid </orphan; while test -e /proc/$pid; do :; done; echo gone`, want: "gone",
		},
		"the command's user is its own": {
			set:    func(c *sandbox.Config) { c.User = "nobody" },
			script: "sed -n 's/^Uid:.//p; s/^CapEff:.//p' /proc/1/status /proc/self/status", want: "65534\t65534\t65534\t65534\n0000000000000000\n65534\t65534\t65534\t65534\n0000000000000000",
		},
		"limits":                             {set: func(c *sandbox.Config) { c.Limits = []sandbox.Limit{{unix.RLIMIT_NOFILE, 100, 200}} }, script: "ulimit -Sn; ulimit -Hn", want: "100\n200"},
		"no descriptor but the streams":      {script: `for f in /proc/$$/fd/*; do echo ${f##*/}; done | sort -n | head -3`, want: "0\n1\n2"},
		"no signal is blocked, none ignored": {script: "exec grep -E 'Sig(Blk|Ign)' /proc/self/status", want: "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000"},
		"environment":                        {script: `exec env | grep -v ^PWD | sort`, want: "HOME=/root\n" + path},
		"it can't be written to":             {script: `(echo x >/proc/1/exe) 2>&1 || :`, want: "sh: 1: cannot create /proc/1/exe: Read-only file system"},
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				c := shell(tt.script)
				c.Init = true
				if tt.set != nil {
					tt.set(&c)
				}
				equal(t, tt.script, run(t, c), tt.want)
			})
		})
	}
}

// The end of the command is the init's.
func TestInitExitCode(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		dir := tempDir(t)
		write(t, dir+"/junk", "junk", 0o755)
		for script, want := range map[string]int{"exit 7": 7, "sleep 100 & exit 0": 0, "kill -9 $$": 137, "kill -TERM $$": 143} {
			c := shell(script)
			c.Init = true
			if _, code, err := try(t, c); code != want || err != nil {
				t.Errorf("%s: %d, %v; want %d", script, code, err, want)
			}
		}
		c := config("nosuch")
		c.Init = true
		if _, _, err := try(t, c); err == nil || err.Error() != `exec: "nosuch": executable file not found in $PATH` {
			t.Error(err)
		}
		c = config("/d/junk")
		c.Init, c.Binds = true, []sandbox.Bind{{Source: dir, Target: "/d"}}
		out, _, err := try(t, c)
		if out != "" || err == nil || err.Error() != `exec: "/d/junk": exec format error` {
			t.Errorf("%q, %v", out, err)
		}
	})
}

// Signals reach the command, which has the kernel's own reactions to them, as
// PID 1 has not.
func TestInitSignals(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		c := shell(`trap 'echo got; exit 3' USR1; echo ready; while :; do sleep 0.01; done`)
		c.Init, c.Stdout = true, w
		p, err := start(t, c)
		w.Close()
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(r)
		ready, _ := lines.ReadString('\n')
		p.Signal(unix.SIGUSR1)
		got, _ := lines.ReadString('\n')
		if code, err := p.Wait(); strings.TrimSpace(ready+got) != "ready\ngot" || code != 3 || err != nil {
			t.Errorf("%q, %d, %v", ready+got, code, err)
		}
		c = config("sleep", "1000")
		c.Init = true
		if p, err = start(t, c); err != nil {
			t.Fatal(err)
		}
		m.Sh(t, "until pgrep -x sleep >/dev/null; do :; done")
		p.Signal(unix.SIGTERM)
		if code, err := p.Wait(); code != 143 || err != nil {
			t.Errorf("%d, %v", code, err)
		}
	})
}

// A command that is said to run hears each signal.
func TestInitSignalledAtOnce(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1, unix.SIGSEGV, 40} {
			c := config("sleep", "1000")
			c.Init = true
			p, err := start(t, c)
			if err == nil {
				err = p.Signal(sig)
			}
			if err != nil {
				t.Fatal(err)
			}
			lost := time.AfterFunc(10*time.Second, func() { p.Signal(unix.SIGKILL) })
			if code, err := p.Wait(); code != 128+int(sig) || err != nil {
				t.Errorf("%v: %d, %v", sig, code, err)
			}
			lost.Stop()
		}
	})
}

// Signals that nobody takes in time hide no end of a child.
func TestInitFlooded(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		ended, signals := sandbox.Watch()
		defer signal.Stop(ended)
		defer signal.Stop(signals)
		for n := range cap(signals) {
			if err := unix.Kill(os.Getpid(), unix.SIGUSR1); err != nil {
				t.Fatal(err)
			}
			for len(signals) <= n { // the runtime keeps no count of those on their way
				runtime.Gosched()
			}
		}
		if err := unix.Kill(os.Getpid(), unix.SIGCHLD); err != nil {
			t.Fatal(err)
		}
		select {
		case s := <-ended:
			if s != unix.SIGCHLD {
				t.Error(s)
			}
		case <-time.After(10 * time.Second):
			t.Error("not told")
		}
	})
}
