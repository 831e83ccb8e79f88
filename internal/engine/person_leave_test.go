package engine_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// A command that has closed its streams has its terminal all the same, and may
// come back to it: nobody having it open is no hangup.
func TestATerminalThatNobodyHasOpen(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "mkdir /run/x; mkfifo /run/x/go /run/x/news; minibridge run -d --name first -v /run/x:/x sleep 1000")
		for name, how := range map[string]string{
			"own":   "run -v /run/x:/x -d -t --name own",
			"init":  "run -v /run/x:/x -d -t --name init --init -e GOCOVERDIR=/tmp", // else one built by `go build -cover` complains
			"guest": "run -v /run/x:/x -d -t --name guest --pid container:first",
			"host":  "run -v /run/x:/x -d -t --name host --pid host",
			"exec":  "exec -d -t first",
		} {
			m.Sh(t, "minibridge "+how+` sh -c 'exec </dev/null >/dev/null 2>&1; read -r _ </x/go; echo came back >/dev/tty; echo $? >/x/news' >/dev/null`)
			if news := m.Sh(t, "echo >/run/x/go; timeout 20 cat /run/x/news"); news != "0" {
				t.Errorf("%s: writing to the terminal gives %q", name, news)
			}
			if name == "exec" {
				continue
			}
			if ended := m.Sh(t, "minibridge wait "+name+"; minibridge logs "+name); ended != "0\ncame back\r" {
				t.Errorf("%s: %q", name, ended)
			}
		}
	})
}

// What is told in between leaves the terminal to the container.
func TestATerminalBesideANotice(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "mount -t tmpfs -o size=512k,mode=700 none /var/lib/minibridge; minibridge run --rm true")
		p := sit(t, 24, 80)
		was := p.mode()
		run := p.starts("run", "-it", "--name", "box", "sh")
		p.sees("# ")
		raw := p.mode()
		m.Sh(t, "dd if=/dev/zero of=/var/lib/minibridge/filler bs=4k count=200 2>/dev/null || true")
		p.types("seq -f %01000.0f 20\n")
		p.sees("WARNING: container box goes on, but not all that it writes is logged")
		p.types("echo $((40 + 2))\n")
		p.sees("42\r\n")
		if p.mode() != raw {
			t.Error("keys don't go to the container as they are any more")
		}
		m.Sh(t, "rm /var/lib/minibridge/filler")
		p.types("\x04")
		p.ends(run, 0, was)
	})
}

// The size of a terminal that changes while a container is made is not lost.
func TestASizeThatChangesMeanwhile(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run -d --name other sleep 1000")
		for name, args := range map[string][]string{
			"run":   {"run", "--rm", "-it", "sh", "-c", "until stty size | grep 132; do :; done"},
			"start": {"start", "-ai", "box"},
		} {
			m.Sh(t, `mkfifo /run/held /run/let-go; minibridge create -it --name box sh -c 'until stty size | grep 132; do :; done' >/dev/null
flock /run/minibridge/lock sh -c 'echo >/run/held; read -r _ </run/let-go' >/dev/null 2>&1 & read -r _ </run/held`)
			p := sit(t, 24, 80)
			was := p.mode()
			cmd := p.starts(args...)
			p.sees("waiting for the lock")
			p.resize(50, 132)
			m.Sh(t, "echo >/run/let-go")
			p.sees("50 132")
			p.ends(cmd, 0, was)
			m.Sh(t, "minibridge rm -f box; rm /run/held /run/let-go")
			if t.Failed() {
				t.Fatal(name)
			}
		}
	})
}

// A window that is closed ends what stands before it, though no signal says so:
// the terminal is not that of its session.
func TestAWindowClosedWithoutASignal(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run -d --name box sleep 1000; mkdir /run/x; mkfifo /run/x/news")
		const tell = "trap 'echo hung up >/x/news; exit' HUP; echo up; while :; do read line; done"
		for name, args := range map[string][]string{
			"run":  {"run", "--rm", "-it", "-v", "/run/x:/x", "sh", "-c", tell},
			"exec": {"exec", "-it", "other", "sh", "-c", tell},
		} {
			if name == "exec" {
				m.Sh(t, "minibridge run -d --name other -v /run/x:/x sleep 1000")
			}
			p := sit(t, 24, 80)
			cmd := program(args...)
			cmd.Stdin, cmd.Stdout, cmd.Stderr = p.terminal, p.terminal, p.terminal
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { cmd.Process.Kill() })
			p.sees("up\r\n")
			p.leave()
			if news := m.Sh(t, "timeout 20 cat /run/x/news"); news != "hung up" {
				t.Errorf("%s: the command hears %q", name, news)
			}
			if got := code(cmd); got != 129 {
				t.Errorf("%s: exit code %d", name, got)
			}
		}
	})
}

// Standard input of a container that was begun without anybody is no single
// person's: it goes on when one of them has said all.
func TestStandardInputOfManyPeople(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run -di --name box sh -c 'read -r a; echo $a; read -r b; echo $b'")
		first := program("attach", "box")
		first.Stdin = strings.NewReader("one\n")
		if err := first.Start(); err != nil {
			t.Fatal(err)
		}
		logged(t, "box", "one")
		m.Sh(t, "echo two | minibridge attach box")
		if code(first) != 0 {
			t.Error("the first one's attach fails")
		}
		if said := m.Sh(t, "minibridge logs box"); said != "one\ntwo" {
			t.Errorf("it is told %q", said)
		}
	})
}

// Who interrupts a question agrees to nothing, whatever is typed after that.
func TestInterruptAQuestion(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run -d --name box sleep 1000; minibridge create --name idle true")
		for _, args := range [][]string{{"reset"}, {"container", "prune"}} {
			p := sit(t, 24, 80)
			was := p.mode()
			cmd := p.starts(args...)
			p.sees("[y/N] ")
			p.types("\x03")
			p.sees("^C\r\n") // the terminal's echo, and that the interrupt was heard
			p.types("y\n")
			p.ends(cmd, 130, was)
		}
		if all := m.Sh(t, "minibridge ps -a --format '{{.Names}} {{.State}}'"); all != "idle created\nbox running" {
			t.Errorf("there is %q", all)
		}
	})
}
