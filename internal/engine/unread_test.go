package engine_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// deaf waits for a container's end and asks its supervisor so much, without
// reading an answer, that it takes no more.
func deaf(t *testing.T, id string) io.Closer {
	t.Helper()
	conn, err := net.Dial("unix", testDirs.Socket(id))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	asks := append([]byte{'W', 0, 0, 0, 0}, bytes.Repeat([]byte{'Z', 0, 0, 0, 0}, 1000)...)
	for err == nil {
		conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, err = conn.Write(asks)
		asks = asks[5:]
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	return conn
}

// Who waits for the end and doesn't read that it has come keeps nobody else
// from it.
func TestWhoWaitsAndDoesNotRead(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run -d --name web sleep 1000")
		r := running(t, "web")
		conn := deaf(t, r.ID)
		wait := program("wait", "web")
		said := start(t, wait)
		connected(t, r, 2)
		defer time.AfterFunc(2*patience, func() { wait.Process.Kill() }).Stop()
		m.Sh(t, "timeout 20 minibridge stop -t 0 web; minibridge rm web; minibridge run --rm --name web true")
		line(t, said, "137")
		conn.Close()
		ended(t, r.Supervisor.Pid)
	})
}

// Of two who are attached, one stops reading: the other has all when the
// container has ended, and he, too, once he reads on.
func TestOneOfTwoDoesNotRead(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		file, _ := noise(t, 4<<20)
		share := t.TempDir()
		run := program("run", "--name", "web", "-v", share+":/x", "sh", "-c", "until test -e /x/go; do echo up; sleep 0.01; done; exec cat "+file)
		first := start(t, run)
		line(t, first, "up")
		r := running(t, "web")
		attach := program("attach", "web")
		second := start(t, attach)
		line(t, second, "up")
		attach.Process.Signal(unix.SIGSTOP)
		all := make(chan []byte, 1)
		go func() {
			b, _ := io.ReadAll(first)
			all <- b
		}()
		if err := os.WriteFile(filepath.Join(share, "go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		writes(t, r.Init.Pid)
		m.Sh(t, "timeout 20 minibridge kill web")
		defer time.AfterFunc(2*patience, func() { run.Process.Kill() }).Stop()
		got := <-all
		if n := code(run); n != 137 {
			t.Errorf("run: exit code %d", n)
		}
		attach.Process.Signal(unix.SIGCONT)
		also, err := io.ReadAll(second)
		if n := code(attach); err != nil || n != 137 || len(also) < 64<<10 || !bytes.HasSuffix(got, also) {
			t.Errorf("attach has %d other bytes than run with its %d; and ends with %d: %v", len(also), len(got), n, err)
		}
		if log := m.Sh(t, "minibridge logs web | wc -c"); log != strconv.Itoa(len("up\n")+len(got)) {
			t.Errorf("%s bytes are in the log, and %d came through", log, len(got))
		}
		ended(t, r.Supervisor.Pid)
	})
}
