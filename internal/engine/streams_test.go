package engine_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// noise is a file of n random bytes, and their sum.
func noise(t *testing.T, n int64) (file string, sum [32]byte) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "noise")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(f, h), rand.NewChaCha8([32]byte{}), n); err != nil {
		t.Fatal(err)
	}
	return file, [32]byte(h.Sum(nil))
}

// sumOf reads n bytes.
func sumOf(t *testing.T, r io.Reader, n int64) [32]byte {
	t.Helper()
	h := sha256.New()
	if got, err := io.CopyN(h, r, n); err != nil {
		t.Fatalf("after %d of %d bytes: %v", got, n, err)
	}
	return [32]byte(h.Sum(nil))
}

// peak is the most memory that a process has ever used, in MB (VmHWM,
// proc_pid_status(5)).
func peak(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb >> 10
}

const (
	hundred = 100 << 20 // bytes
	enough  = 64        // MB for a supervisor, its program text included
)

func TestAHundredMegabytes(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		file, want := noise(t, hundred)
		run := program("run", "-i", "--name", "big", "sh", "-c", "cat "+file+"; exec cat")
		stdin, err := run.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out := start(t, run)
		if sumOf(t, out, hundred) != want {
			t.Error("other bytes came through")
		}
		for _, pid := range []int{running(t, "big").Supervisor.Pid, run.Process.Pid} {
			if mb := peak(t, pid); mb > enough {
				t.Errorf("process %d has used %d MB", pid, mb)
			}
		}
		stdin.Close()
		if n := code(run); n != 0 {
			t.Errorf("exit code %d", n)
		}
		logs := program("logs", "big")
		if sumOf(t, start(t, logs), hundred) != want {
			t.Error("other bytes are in the log")
		}
		if n := code(logs); n != 0 {
			t.Errorf("logs: exit code %d", n)
		}
	})
}

func TestStdin(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		file, _ := noise(t, 10<<20)
		m.Sh(t, "minibridge run --rm -i cat <"+file+" | cmp - "+file) // both ways at once
		if got := m.Sh(t, "echo lost | minibridge run --rm cat"); got != "" {
			t.Errorf("without -i it reads %q", got)
		}
		m.Sh(t, "minibridge run --rm -i true <"+file)                     // who doesn't read
		m.Sh(t, "minibridge run --rm -i head -c 10 <"+file+" >/dev/null") // or not all
		m.Sh(t, "minibridge run --rm -i sh -c 'exec <&-; echo closed' <"+file)
	})
}

// What a command wrote before it ended comes through, however late it is read,
// and whoever else could still write there.
func TestOutputOutlivesTheCommand(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		file, _ := noise(t, 2<<20)
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			run := program("run", "--name", "web", "sh", "-c", "echo up; exec cat "+file)
			out := start(t, run)
			line(t, out, "up")
			writes(t, running(t, "web").Init.Pid) // it is stuck, as nobody reads on
			if i%2 == 1 {
				holdStream(t, running(t, "web").Init.Pid)
			}
			m.Sh(t, "timeout 10 minibridge kill web")
			got, err := io.ReadAll(out)
			if err != nil || len(got) < 64<<10 || !bytes.HasPrefix(whole, got) {
				t.Errorf("%d bytes came through, and not as they were: %v", len(got), err)
			}
			code(run)
			m.Sh(t, "minibridge logs web >/run/log")
			if log, err := os.ReadFile("/run/log"); err != nil || string(log) != "up\n"+string(got) {
				t.Errorf("%d other bytes are in the log: %v", len(log), err)
			}
			m.Sh(t, "minibridge rm web")
		}
	})
}

// writes waits until a process is stuck in a write: the pipe is full.
func writes(t *testing.T, pid int) {
	t.Helper()
	for late := time.Now().Add(patience); ; {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/syscall")
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(b), strconv.Itoa(unix.SYS_WRITE)+" ") {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("process %d doesn't write, but is at %s", pid, b)
		}
	}
}

// stalled is a container that writes and writes, to a person who doesn't read.
func stalled(t *testing.T, flags ...string) (end func(), out io.Closer) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	run := program(append(append([]string{"run", "--name", "web"}, flags...), "sh", "-c", "echo up >/up; exec cat /dev/zero")...)
	run.Stdout = w
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	up := make([]byte, 1)
	if _, err := r.Read(up); err != nil {
		t.Fatal(err)
	}
	writes(t, running(t, "web").Init.Pid)
	return func() { run.Process.Kill(); run.Wait() }, r
}

func TestWhoDoesNotReadSlowsTheCommandDown(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		end, out := stalled(t)
		defer end()
		r := running(t, "web")
		info, err := os.Stat(testDirs.Log(r.ID))
		if err != nil {
			t.Fatal(err)
		}
		if size := info.Size(); size > 4<<20 {
			t.Errorf("%d bytes were taken from a command that nobody reads", size)
		}
		if mb := peak(t, r.Supervisor.Pid); mb > enough {
			t.Errorf("the supervisor has used %d MB", mb)
		}
		out.Close() // and goes away: the command goes on
		grown(t, testDirs.Log(r.ID), info.Size()+8<<20)
		m.Sh(t, "minibridge rm -f web")
	})
}

// grown waits until a file has a size.
func grown(t *testing.T, file string, size int64) {
	t.Helper()
	for late := time.Now().Add(patience); ; {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() >= size {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("%s has %d bytes, not %d", file, info.Size(), size)
		}
	}
}

// Somebody who doesn't read must not keep others from what they do.
func TestWhoDoesNotReadHoldsNobodyUp(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		before := milestones(t, m)[2]
		end, _ := stalled(t, "-p", "8000:80")
		defer end()
		m.Sh(t, "timeout 10 minibridge kill web")
		m.Sh(t, "timeout 10 minibridge run --rm -p 8000:80 true")
		if got := status(t, "web"); got != "Exited (137" {
			t.Errorf("it is %s", got)
		}
		m.Sh(t, "minibridge rm web")
		recovered(t, m, "killed", []string{before})
	})
}

func TestSignalsAreForwarded(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for name, sig := range map[string]syscall.Signal{"TERM": unix.SIGTERM, "INT": unix.SIGINT, "HUP": unix.SIGHUP, "USR1": unix.SIGUSR1, "WINCH": unix.SIGWINCH} {
			run := program("run", "--rm", "sh", "-c", "trap 'echo got "+name+"; exit 3' "+name+"; echo up; while :; do :; done")
			out := start(t, run)
			line(t, out, "up")
			if err := run.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			line(t, out, "got "+name)
			if n := code(run); n != 3 {
				t.Errorf("%s: exit code %d", name, n)
			}
		}
		if files := left(t); len(files) > 0 {
			t.Errorf("left behind: %q", files)
		}
	})
}

func TestEachStreamIsItsOwn(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run --name web sh -c 'echo out; echo err >&2; printf end' >out 2>err && mv out err /run/")
		for _, from := range []string{"cat /run/", "minibridge logs web "} {
			script := map[string]string{"out": from + "out", "err": from + "err"}
			if from != "cat /run/" {
				script = map[string]string{"out": "minibridge logs web 2>/dev/null", "err": "minibridge logs web 2>&1 >/dev/null"}
			}
			if got := m.Sh(t, script["out"]); got != "out\nend" {
				t.Errorf("stdout of %s: %q", from, got)
			}
			if got := m.Sh(t, script["err"]); got != "err" {
				t.Errorf("stderr of %s: %q", from, got)
			}
		}
	})
}

// Output that comes before the start is announced must not be taken for an
// answer.
func TestTheFirstByteMayComeAtOnce(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for range 30 {
			if got := m.Sh(t, "minibridge run --rm --network none echo hello"); got != "hello" {
				t.Fatalf("it says %q", got)
			}
		}
	})
}
