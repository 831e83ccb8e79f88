package engine_test

import (
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

func TestExecOnATerminal(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run -d --name box sleep 1000")
		p := sit(t, 24, 80)
		was := p.mode()
		cmd := p.starts("exec", "-it", "box", "sh")
		p.works()
		p.types("exit 7\n")
		p.ends(cmd, 7, was)
	})
}

// What a person leaves by the keys for that goes on; what he leaves otherwise
// is told so.
func TestLeaveAnExec(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run -d --name box sleep 1000; minibridge exec box mkfifo /srv/news")
		for name, tt := range map[string]struct {
			leave func(*person, *exec.Cmd)
			code  int
			news  string
		}{
			"keys":   {func(p *person, _ *exec.Cmd) { p.types(leaving); p.sees("read escape sequence") }, 0, "went on"},
			"signal": {func(_ *person, cmd *exec.Cmd) { cmd.Process.Signal(unix.SIGTERM) }, 143, "hung up"},
			"killed": {func(_ *person, cmd *exec.Cmd) { cmd.Process.Kill() }, -1, "hung up"},
		} {
			p := sit(t, 24, 80)
			was := p.mode()
			cmd := p.starts("exec", "-it", "box", "sh", "-c", "trap 'echo hung up >/srv/news; exit' HUP; echo ready; while test ! -e /srv/left; do sleep 0.01; done; yes | head -c 100000; echo went on >/srv/news")
			p.sees("ready\r\n")
			tt.leave(p, cmd)
			if name == "killed" { // nobody puts its terminal back
				was = p.mode()
			}
			p.ends(cmd, tt.code, was)
			if name == "keys" {
				m.Sh(t, "minibridge exec box touch /srv/left")
			}
			if news := m.Sh(t, "minibridge exec box timeout 20 cat /srv/news; minibridge exec box rm -f /srv/left"); news != tt.news {
				t.Errorf("%s: %q", name, news)
			}
		}
	})
}

// Several people may look at one terminal, and one of them has gone.
func TestAttach(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run -dit --name box sh -c 'trap \"echo drawn again\" WINCH; while :; do read line; echo got $line; test \"$line\" = bye && exit 5; done'")
		one, two := sit(t, 24, 80), sit(t, 24, 80)
		was := one.mode()
		first := one.starts("attach", "box")
		one.types("hello\n")
		one.sees("got hello\r\n")
		second := two.starts("attach", "--detach-keys", "x", "box")
		one.sees("drawn again\r\n")
		two.types("moin\n")
		two.sees("got moin\r\n")
		one.sees("got moin\r\n")
		two.types("x")
		two.sees("read escape sequence\r\n")
		two.ends(second, 0, was)
		look := two.starts("attach", "--no-stdin", "box")
		// Each of the three has it drawn again by two sizes, once attached.
		m.Sh(t, `until test "$(minibridge events --since 1h --until 0s -f event=resize | wc -l)" = 6; do :; done`)
		two.types("not for it\n")
		one.types("bye\n")
		two.sees("got bye")
		two.ends(look, 5, was)
		one.ends(first, 5, was)
		if log := m.Sh(t, "minibridge logs box"); strings.Contains(log, "not for it") {
			t.Errorf("the container got %q", log)
		}
	})
}
