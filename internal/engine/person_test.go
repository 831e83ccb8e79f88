package engine_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// A person sits at a terminal.
type person struct {
	t        *testing.T
	hands    *os.File // the end of keyboard and screen
	terminal *os.File
	seen     []byte // and not looked for yet
}

// sit gives a person a terminal of this size.
func sit(t *testing.T, rows, cols uint16) *person {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	hands := os.NewFile(uintptr(fd), "hands")
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		t.Fatal(errno)
	}
	p := &person{t: t, hands: hands, terminal: os.NewFile(peer, "terminal")}
	t.Cleanup(p.leave)
	p.resize(rows, cols)
	return p
}

// leave closes the window.
func (p *person) leave() { p.terminal.Close(); p.hands.Close() }

func (p *person) resize(rows, cols uint16) {
	p.t.Helper()
	if err := unix.IoctlSetWinsize(int(p.terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols}); err != nil {
		p.t.Fatal(err)
	}
}

// starts starts minibridge there, as a shell does.
func (p *person) starts(args ...string) *exec.Cmd {
	p.t.Helper()
	cmd := program(args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.terminal, p.terminal, p.terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd
}

func (p *person) types(keys string) {
	p.t.Helper()
	if _, err := p.hands.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}

// sees waits until a text is on the screen.
func (p *person) sees(text string) {
	p.t.Helper()
	p.hands.SetReadDeadline(time.Now().Add(3 * patience)) // several programs have their turn
	for buf := make([]byte, 4096); ; {
		if _, rest, ok := bytes.Cut(p.seen, []byte(text)); ok {
			p.seen = rest
			return
		}
		n, err := p.hands.Read(buf)
		p.seen = append(p.seen, buf[:n]...)
		if err != nil {
			p.t.Fatalf("%q doesn't appear, but %q: %v", text, p.seen, err)
		}
	}
}

// works tries all of a terminal of 24 lines with 80 columns at the shell that runs
// on it: its name, its size and another one, and a command that is interrupted.
func (p *person) works() {
	p.t.Helper()
	p.types("tty; stty size; echo $TERM\n")
	p.sees("/dev/pts/0\r\n24 80\r\nxterm\r\n")
	p.types("until stty size | grep 132; do :; done; echo wide\n")
	p.resize(50, 132)
	p.sees("50 132\r\nwide\r\n")
	p.types("sh -c 'echo u''p; exec sleep 1000'\n")
	p.sees("up\r\n")
	p.types("\x03echo ended by $?\n")
	p.sees("ended by 130\r\n")
}

// mode is how the terminal treats keys.
func (p *person) mode() unix.Termios {
	p.t.Helper()
	mode, err := unix.IoctlGetTermios(int(p.terminal.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return *mode
}

// ends waits for the end of what was started, which has to leave the terminal
// as it was.
func (p *person) ends(cmd *exec.Cmd, want int, was unix.Termios) {
	p.t.Helper()
	if got := code(cmd); got != want {
		p.t.Errorf("%s: exit code %d, not %d", strings.Join(cmd.Args, " "), got, want)
	}
	if p.mode() != was {
		p.t.Errorf("%s leaves the terminal otherwise than it was", strings.Join(cmd.Args, " "))
	}
}

// With keys a person leaves a container, which goes on.
const leaving = "\x10\x11"

func TestShellOnATerminal(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		p := sit(t, 24, 80)
		was := p.mode()
		run := p.starts("run", "-it", "--name", "box", "sh")
		p.sees("# ")
		if p.mode() == was {
			t.Error("keys don't go to the container as they are")
		}
		p.works()
		p.types("(exit 7)\n\x04")
		p.ends(run, 7, was)
		if log := m.Sh(t, "minibridge logs box 2>/dev/null"); !strings.Contains(log, "ended by 130\r\n") {
			t.Errorf("the log has %q", log)
		}
	})
}

// Who comes back finds the container as he left it.
func TestLeaveAndComeBack(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		p := sit(t, 24, 80)
		was := p.mode()
		for _, args := range [][]string{{"run", "-it", "--name", "box", "sh"}, {"start", "-ai", "box"}} {
			cmd := p.starts(args...)
			p.types("echo $((40 + 2))\n")
			p.sees("42\r\n")
			p.types(leaving)
			p.ends(cmd, 0, was)
			if got := status(t, "box"); !strings.HasPrefix(got, "Up ") {
				t.Fatalf("it is %s", got)
			}
		}
		cmd := p.starts("start", "-i", "--detach-keys", "ctrl-a,d", "box")
		p.types(leaving + "\x01x\necho $((40 + 3))\n") // other keys now, and not all of them
		p.sees("43\r\n")
		p.types("\x01d")
		p.ends(cmd, 0, was)
		cmd = p.starts("start", "-ai", "box")
		p.types("echo $((40 + 4))\n")
		p.sees("44\r\n")
		p.types("\x04")
		p.ends(cmd, 0, was)
		m.Sh(t, "minibridge rm box")
	})
}

// However a command ends, the terminal is as it was.
func TestTheTerminalIsAsItWas(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for name, tt := range map[string]struct {
			flags []string
			end   func(*exec.Cmd)
			code  int
		}{
			"signal of one's own":   {[]string{"--sig-proxy=false"}, func(run *exec.Cmd) { run.Process.Signal(unix.SIGTERM) }, 143},
			"signal passed on":      {nil, func(run *exec.Cmd) { run.Process.Signal(unix.SIGUSR1) }, 9},
			"killed container":      {nil, func(*exec.Cmd) { m.Sh(t, "minibridge kill box") }, 137},
			"killed supervisor":     {nil, func(*exec.Cmd) { unix.Kill(running(t, "box").Supervisor.Pid, unix.SIGKILL) }, 137},
			"explained to the last": {[]string{"-x"}, func(*exec.Cmd) { m.Sh(t, "minibridge kill box") }, 137},
		} {
			p := sit(t, 24, 80)
			was := p.mode()
			args := append(append([]string{"run", "-it", "--name", "box"}, tt.flags...), "sh", "-c", "trap 'exit 9' USR1; echo ready; while :; do sleep 0.01; done")
			run := p.starts(args...)
			p.sees("ready\r\n")
			tt.end(run)
			p.ends(run, tt.code, was)
			if t.Failed() {
				t.Fatal(name)
			}
			m.Sh(t, "minibridge rm -f box")
		}
	})
}

// Who closes the window, or whose command is killed, leaves a container that
// goes on; it hears that nobody looks any more.
func TestTheWindowIsClosed(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for name, leave := range map[string]func(*person, *exec.Cmd){
			"closed": func(p *person, run *exec.Cmd) { p.leave(); run.Wait() },
			"killed": func(p *person, run *exec.Cmd) { run.Process.Kill(); run.Wait() },
		} {
			p := sit(t, 24, 80)
			run := p.starts("run", "-it", "--name", "box", "sh", "-c", "trap 'echo hung up' HUP; echo up; while :; do read line; test $line = bye && exit; echo got $line; done")
			p.sees("up\r\n")
			leave(p, run)
			if name == "closed" {
				logged(t, "box", "hung up")
			}
			p = sit(t, 24, 80)
			was := p.mode()
			again := p.starts("start", "-ai", "box")
			p.types("hello\n")
			p.sees("got hello\r\n")
			p.types("bye\n")
			p.ends(again, 0, was)
			m.Sh(t, "minibridge rm box")
		}
	})
}

// logged waits until a container has said something.
func logged(t *testing.T, name, text string) {
	t.Helper()
	logs := program("logs", "-f", name)
	out := start(t, logs)
	for {
		line, err := out.ReadString('\n')
		if strings.Contains(line, text) {
			logs.Process.Kill()
			return
		}
		if err != nil {
			t.Fatalf("%s doesn't say %q: %v", name, text, err)
		}
	}
}

// All bytes go both ways as they are.
func TestTerminalsAreBinarySafe(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		p := sit(t, 1, 1)
		was := p.mode()
		var all []byte
		for range 64 {
			for b := 255; b >= 0; b-- {
				all = append(all, byte(b))
			}
		}
		run := p.starts("run", "--rm", "-it", "sh", "-c", "stty size; stty raw -echo; echo up; exec head -c 16384")
		p.sees("1 1\r\n")
		p.sees("up")
		go p.hands.Write(all)
		p.sees(string(all))
		p.ends(run, 0, was)
	})
}

// A container can have a terminal when the person has none.
func TestTerminalForNobody(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for script, want := range map[string]string{
			"script -qec \"stty rows 33 cols 99; minibridge run -dit --name sized sh -c 'stty size; sleep 1000'\" /dev/null >/dev/null; minibridge logs sized": "33 99\r",
			"minibridge run --rm -t sh -c 'tty; echo err >&2' </dev/null 2>/dev/null | cat -A":                                                                 "/dev/pts/0^M$\nerr^M$",
			"minibridge run -dit --name box sh -c 'read x; echo $x' >/dev/null; echo hello | minibridge start -ai box":                                         "hello\r\nhello\r",
		} {
			if got := m.Sh(t, script); got != want {
				t.Errorf("%s\ngives %q, not %q", script, got, want)
			}
		}
		out, code := m.Try("minibridge run -it true </dev/null")
		if code != 1 || !strings.HasPrefix(out, "minibridge: the input device is not a TTY") {
			t.Errorf("%q, %d", out, code)
		}
	})
}
