package sandbox_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

// typed types a line, and gives all that is written to the terminal until the
// command has ended with this code and nobody else has it open.
func typed(t *testing.T, p *sandbox.Process, line string, want int) string {
	t.Helper()
	if _, err := p.Terminal.WriteString(line + "\n"); err != nil {
		t.Error(err)
	}
	read := make(chan string)
	go func() {
		out, err := io.ReadAll(p.Terminal)
		if !errors.Is(err, unix.EIO) {
			t.Errorf("the terminal ends with %v", err)
		}
		read <- string(out)
	}()
	if code, err := p.Wait(); code != want || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
	out := <-read
	if err := p.Terminal.Close(); err != nil {
		t.Error(err)
	}
	return out
}

// describe tells of the terminal, by each of the ways that lead to it.
const describe = `read line; tty; ps -o tty= -p $$ 2>/dev/null; stty size; stat -c '%U %a' $(tty); echo "out $line"; echo "err $line" >&2; echo "tty $line" >/dev/tty; exit 3`

func TestTerminal(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for user, name := range map[string]string{"": "root", "nobody": "nobody"} {
			c := shell(describe)
			c.User, c.Terminal = user, &sandbox.Size{Rows: 7, Cols: 133}
			p, err := start(t, c)
			if err != nil {
				t.Fatal(err)
			}
			want := "hello\r\n/dev/pts/0\r\npts/0\r\n7 133\r\n" + name + " 620\r\nout hello\r\nerr hello\r\ntty hello\r\n"
			equal(t, "said by "+name, typed(t, p, "hello", 3), want)
		}
	})
}

// What is written to the console is there too; without a terminal there is none.
func TestConsole(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		equal(t, "without a terminal", run(t, shell("test -e /dev/console || echo none")), "none")
		c := shell("read line; echo console $line >/dev/console")
		c.Terminal = &sandbox.Size{}
		p, err := start(t, c)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "said", typed(t, p, "hello", 0), "hello\r\nconsole hello\r\n")
	})
}

// One who joins gets a terminal of his own, of the same sandbox.
func TestExecOnTerminal(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		c := config()
		c.Terminal = &sandbox.Size{}
		first := waiting(t, c)
		for user, name := range map[string]string{"": "root", "nobody": "nobody"} {
			more := shell(describe).Command
			more.User, more.Terminal = user, &sandbox.Size{Rows: 1, Cols: 1}
			p, err := sandbox.Exec(t.Context(), first.Pid, first.Start, more)
			if err != nil {
				t.Fatal(err)
			}
			want := "hello\r\n/dev/pts/1\r\npts/1\r\n1 1\r\n" + name + " 620\r\nout hello\r\nerr hello\r\ntty hello\r\n"
			equal(t, "said by "+name, typed(t, p, "hello", 3), want)
		}
	})
}

// Keys and the end of a terminal come to the command as signals.
func TestSignalsOfTheTerminal(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		first := waiting(t, config())
		for name, end := range map[string]func(*sandbox.Process){
			"INT":  func(p *sandbox.Process) { p.Terminal.WriteString("\x03") },
			"QUIT": func(p *sandbox.Process) { p.Terminal.WriteString("\x1c") },
			"HUP":  func(p *sandbox.Process) { p.Terminal.Close() },
		} {
			more := config("sh", "-c", "echo up; exec sleep 1000").Command
			more.Terminal = &sandbox.Size{}
			p, err := sandbox.Exec(t.Context(), first.Pid, first.Start, more)
			if err != nil {
				t.Fatal(err)
			}
			up := make([]byte, 4)
			if _, err := io.ReadFull(p.Terminal, up); err != nil || !strings.HasPrefix(string(up), "up") {
				t.Fatalf("%q, %v", up, err)
			}
			end(p)
			if code, err := p.Wait(); code != 128+int(unix.SignalNum("SIG"+name)) || err != nil {
				t.Errorf("%s: exit code %d, %v", name, code, err)
			}
			p.Terminal.Close()
		}
	})
}

// A command that can't be executed leaves no terminal open.
func TestTerminalOfNobody(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		dir := tempDir(t)
		write(t, dir+"/junk", "junk", 0o755)
		c := config("/d/junk")
		c.Binds = []sandbox.Bind{{Source: dir, Target: "/d"}}
		first := waiting(t, c)
		c.Terminal = &sandbox.Size{}
		if _, err := start(t, c); err == nil {
			t.Error("it was started")
		}
		if _, err := sandbox.Exec(t.Context(), first.Pid, first.Start, c.Command); err == nil {
			t.Error("it was started")
		}
		if out := m.Sh(t, "ls -l /proc/$PPID/fd"); strings.Contains(out, "ptmx") {
			t.Errorf("left open:\n%s", out)
		}
	})
}
