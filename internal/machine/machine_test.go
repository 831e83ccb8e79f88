package machine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/machine"
)

// callerEnv makes the test binary a program that runs its arguments in a machine.
const callerEnv = "MACHINE_TEST_CALLER"

func TestMain(m *testing.M) {
	machine.Init()
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "these tests make private machines, which needs root; try: sudo hack/test")
		os.Exit(1)
	}
	if os.Getenv(callerEnv) != "" {
		cmd := machine.Command(context.Background(), os.Args[1:]...)
		cmd.Stdout = os.Stdout
		fmt.Fprintln(os.Stderr, cmd.Run())
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// sh runs a script in a machine.
func sh(t *testing.T, script string) (out string, code int) {
	t.Helper()
	cmd := machine.Command(t.Context(), "sh", "-c", script)
	b, err := cmd.CombinedOutput()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b)), cmd.ProcessState.ExitCode()
}

func TestCommand(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]struct {
		out  string
		code int
	}{
		"echo out; echo err >&2; exit 7":                   {"out\nerr", 7},
		"kill -TERM $$":                                    {"", 128 + 15},
		"kill -TERM 1; while :; do :; done":                {"", 128 + 15}, // passed on to the command
		"hostname":                                         {"host", 0},
		"cat /etc/resolv.conf":                             {"nameserver 192.0.2.2\nsearch example.test", 0},
		"getent ahostsv4 host | head -n1 | cut -d' ' -f1":  {"192.0.2.1", 0},
		"cat /proc/sys/net/ipv4/ip_forward":                {"0", 0},
		"ip -4 -o addr show dev lo | wc -l":                {"1", 0},
		"ip netns exec outside ip -4 route | grep -c ''":   {"1", 0}, // no way to containers
		"ip route show default":                            {"default via 192.0.2.2 dev uplink", 0},
		"ping -qc1 -W2 192.0.2.2 >/dev/null && echo there": {"there", 0},
		"ls /sys/class/net":                                {"lo\nuplink", 0},
		"findmnt -no PROPAGATION /run/netns":               {"shared", 0},
		"findmnt -no PROPAGATION /":                        {"private", 0},
		"ls -A /var/lib/minibridge":                        {"", 0},
		"stat -c %a /run":                                  {"755", 0},
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			if out, code := sh(t, script); out != want.out || code != want.code {
				t.Errorf("%q, exit code %d; not %q, %d", out, code, want.out, want.code)
			}
		})
	}
}

func TestCommandThatIsNotThere(t *testing.T) {
	t.Parallel()
	cmd := machine.Command(t.Context(), "no-such-program")
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 127 || !strings.Contains(string(out), "no-such-program") {
		t.Errorf("exit code %d: %s", code, out)
	}
}

func TestStreamsAndExtraFiles(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := machine.Command(t.Context(), "sh", "-c", "cat >&3")
	cmd.Stdin = strings.NewReader("through")
	cmd.ExtraFiles = []*os.File{w}
	err = cmd.Run()
	w.Close()
	if got, _ := io.ReadAll(r); string(got) != "through" || err != nil {
		t.Errorf("%q came through: %v", got, err)
	}
}

func TestOrphansAreReaped(t *testing.T) {
	t.Parallel()
	// The inner shell leaves a child behind that ends when fifo is read, and
	// which nobody but PID 1 can wait for.
	out, _ := sh(t, `mkfifo /run/fifo; sh -c 'sh -c "echo $$ >/run/fifo" &'
read -r orphan </run/fifo
while [ -e "/proc/$orphan" ]; do :; done; echo reaped`)
	if out != "reaped" {
		t.Error(out)
	}
}

func TestTheMachineIsPrivate(t *testing.T) {
	t.Parallel()
	before := world(t)
	sh(t, "ip link add br0 type bridge; ip netns add web; hostname other; sysctl -qw net.ipv4.ip_forward=1; mount -t tmpfs none /mnt; touch /run/trace")
	if after := world(t); after != before {
		t.Errorf("the world was\n%s\nand is\n%s", before, after)
	}
}

func world(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", "ip link; hostname; cat /proc/sys/net/ipv4/ip_forward /proc/self/mountinfo; ls /run").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// All that holds the pipe's end is inside the machine.
func TestAMachineDiesWithItsCaller(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	caller := exec.Command(os.Args[0], "sh", "-c", "setsid sleep 1000 & echo up; sleep 1000")
	caller.Env = append(os.Environ(), callerEnv+"=1")
	caller.Stdout = w
	if err := caller.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := io.ReadFull(r, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	if err := caller.Process.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = caller.Wait()
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil { // ends when the last holder does
		t.Errorf("%q, %v", rest, err)
	}
}

func TestAMachineDiesWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := machine.Command(ctx, "sh", "-c", "sleep 1000 & echo up; sleep 1000")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if rest, err := io.ReadAll(out); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	_ = cmd.Wait()
}

func BenchmarkCommand(b *testing.B) {
	for b.Loop() {
		if err := machine.Command(b.Context(), "true").Run(); err != nil {
			b.Fatal(err)
		}
	}
}
