package sandbox_test

import (
	"errors"
	"math"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

// Limits are the command's, whoever its user is.
func TestLimits(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		c := shell("grep -e 'core file' -e 'open files' -e 'file size' /proc/self/limits | sed 's/  */ /g; s/ [a-z]* $//'")
		c.User = "nobody"
		c.Limits = []sandbox.Limit{
			{unix.RLIMIT_CORE, 1000, 2000}, {unix.RLIMIT_NOFILE, 5, 10}, {unix.RLIMIT_FSIZE, math.MaxUint64, math.MaxUint64},
		}
		equal(t, "limits", run(t, c), "Max file size unlimited unlimited\nMax core file size 1000 2000\nMax open files 5 10")
		c.Limits = []sandbox.Limit{{unix.RLIMIT_NOFILE, 1, math.MaxUint64}}
		if _, _, err := try(t, c); !errors.Is(err, unix.EPERM) || err.Error() != "error setting rlimit type 7: operation not permitted" {
			t.Error(err)
		}
	})
}

// What a sandbox is confined by can be left out, or more of it asked for, for
// those that come later too.
func TestConfinement(t *testing.T) {
	for name, tt := range map[string]struct {
		set    func(*sandbox.Config)
		script string
		want   string
	}{
		"no new privileges": {func(c *sandbox.Config) { c.NoNewPrivs = true }, "sed -n 's/^NoNewPrivs:.//p' /proc/self/status", "1"},
		"no filter":         {func(c *sandbox.Config) { c.Unconfined = true }, "sed -n 's/^Seccomp:.//p' /proc/self/status; unshare -U true && echo made", "0\nmade"},
		"nothing masked": {
			func(c *sandbox.Config) { c.Unmasked = true },
			"ls -A /sys/firmware | grep -c . >/dev/null && grep -c ' /proc/' /proc/mounts || :; test -s /proc/timer_list; sed -n 's/^CapEff:.//p' /proc/self/status", "0\n00000000a80425fb",
		},
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				c := shell(tt.script)
				tt.set(&c)
				equal(t, "started", run(t, c), tt.want)
				p := waiting(t, c)
				out, all := output(t)
				joins := c.Command
				joins.Stdout = out
				e, err := sandbox.Exec(t.Context(), p.Pid, p.Start, joins)
				if err != nil {
					t.Fatal(err)
				}
				e.Wait()
				equal(t, "joined", all(), tt.want+"\n")
			})
		})
	}
}
