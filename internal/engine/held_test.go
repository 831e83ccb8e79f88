package engine_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/hosttest"
)

// holdStream opens the standard output of a process once more: what it has
// handed over to somebody else.
func holdStream(t *testing.T, pid int) *os.File {
	t.Helper()
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/1", pid), os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Who still has what a container wrote to is not waited for when that has ended.
func TestWhoHoldsAStreamHoldsNobodyUp(t *testing.T) {
	for _, flags := range []string{"", "-t"} {
		t.Run(flags, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				before := milestones(t, m)[2]
				run := program(strings.Fields("run " + flags + " --name web -p 8000:80 sh")...)
				run.Args = append(run.Args, "-c", "echo up; exec sleep 1000")
				out := start(t, run)
				if got, err := out.ReadString('\n'); err != nil || !strings.HasPrefix(got, "up") {
					t.Fatalf("it says %q: %v", got, err)
				}
				r := running(t, "web")
				held := holdStream(t, r.Init.Pid)
				m.Sh(t, "timeout 20 minibridge stop -t 0 web")
				if got := code(run); got != 137 {
					t.Errorf("exit code %d", got)
				}
				ended(t, r.Supervisor.Pid)
				if _, err := held.WriteString("late"); err == nil {
					t.Error("somebody still reads it")
				}
				if got := m.Sh(t, "minibridge logs web"); strings.TrimSpace(got) != "up" {
					t.Errorf("its log has %q", got)
				}
				m.Sh(t, "minibridge rm web")
				recovered(t, m, "stopped", []string{before})
			})
		})
	}
}

// Nor does he keep a policy from its next round.
func TestWhoHoldsAStreamHoldsNoRoundUp(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "mkdir /run/x; minibridge run -d --restart always --name web -v /run/x:/x sh -c 'echo >/x/up; until test -e /x/end; do sleep 0.01; done; rm /x/end'")
		r := running(t, "web")
		holdStream(t, r.Init.Pid)
		m.Sh(t, "touch /run/x/end; timeout 20 minibridge wait web; timeout 20 sh -c 'until minibridge exec web true; do :; done 2>/dev/null'")
		ended(t, r.Supervisor.Pid)
		m.Sh(t, "minibridge rm -f web")
	})
}

// All that fits into a pipe is read of it late, and no more, whoever writes on.
func TestWhatIsReadLate(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	size, err := unix.FcntlInt(w.Fd(), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		t.Fatal(err)
	}
	filled := bytes.Repeat([]byte("before!!"), size/8)
	if _, err := w.Write(filled); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := io.Copy(io.MultiWriter(&got, w), engine.HearOut(r)); err != nil { // what is read is written again
		t.Fatal(err)
	}
	if !bytes.HasPrefix(got.Bytes(), filled) || got.Len() > size {
		t.Errorf("%d bytes of %d came through", got.Len(), len(filled))
	}
}
