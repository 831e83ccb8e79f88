package sandbox_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

// What a command with the caller's PID namespace leaves behind ends with it,
// however it holds on.
func TestLeftBehind(t *testing.T) {
	for name, script := range map[string]string{
		// As many as may be, each of which makes another as soon as one is missing.
		"processes that make others": `
def live():
    while True:
        try:
            os.fork()
        except OSError:
            pass
        time.sleep(0.01)
while True:
    try:
        if os.fork() == 0:
            live()
    except OSError:
        break`,
		"a process without its first thread": fmt.Sprintf(`
pid = os.fork()
if pid == 0:
    threading.Thread(target=threading.Event().wait).start()
    ctypes.CDLL(None).syscall(%d, 0)
while ") Z" not in open("/proc/%%d/stat" %% pid).read():
    pass`, unix.SYS_EXIT),
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				const user = "47114711" // whose processes are counted on the whole machine (getrlimit(2), RLIMIT_NPROC)
				c := config("python3", "-c", "import ctypes, os, threading, time"+script)
				c.Share.PID, c.User = true, user
				c.Limits = []sandbox.Limit{{Resource: unix.RLIMIT_NPROC, Soft: 100, Hard: 100}}
				p, err := start(t, c)
				if err != nil {
					t.Fatal(err)
				}
				ended := make(chan error, 1)
				go func() {
					code, err := p.Wait()
					if err == nil && code != 0 {
						err = fmt.Errorf("exit code %d", code)
					}
					ended <- err
				}()
				select {
				case err := <-ended:
					if err != nil {
						t.Error(err)
					}
				case <-time.After(20 * time.Second):
					t.Fatal("there are always some")
				}
				if out, code := m.Try("ps -o pid=,stat=,args= -U " + user + " | grep -v ' Z[^l]* '"); code == 0 {
					t.Errorf("left behind:\n%s", out)
				}
			})
		})
	}
}
