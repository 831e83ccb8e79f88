package engine_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/state"
)

// serveEnv, a port, makes the test binary a server that tells each client how
// it is seen.
const serveEnv = "ENGINE_TEST_SERVE"

func serve(port string) int {
	l, err := net.Listen("tcp4", ":"+port)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready")
	for {
		c, err := l.Accept()
		if err != nil {
			return 1
		}
		fmt.Fprintln(c, "seen as", c.RemoteAddr().(*net.TCPAddr).IP)
		c.Close()
	}
}

// asking is the shell command of a client, which prints what it is told; it
// tries again until the server is up.
func asking(t *testing.T, addr string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	const client = `timeout %.0f bash -c 'until said=$(cat </dev/tcp/%s/%s) && [[ $said ]]; do :; done 2>/dev/null; echo "$said"' || { echo nobody answers at %s; false; }`
	return fmt.Sprintf(client, patience.Seconds(), host, port, addr)
}

// server is what to put behind `minibridge run`, and flags that it needs.
func server(t *testing.T, flags, port string) string {
	return "-e " + serveEnv + "=" + port + " " + flags + " " + self(t)
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// program is the command with these words as arguments.
func program(args ...string) *exec.Cmd { return exec.Command("minibridge", args...) }

// start starts a program whose output is read through what is returned.
func start(t *testing.T, cmd *exec.Cmd) *bufio.Reader {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return bufio.NewReader(out)
}

// line reads one line.
func line(t *testing.T, r *bufio.Reader, want string) {
	t.Helper()
	got, err := r.ReadString('\n')
	if strings.TrimSuffix(got, "\n") != want {
		t.Fatalf("it says %q, not %q: %v", got, want, err)
	}
}

// code is how a program ended.
func code(cmd *exec.Cmd) int {
	cmd.Wait()
	return cmd.ProcessState.ExitCode()
}

var testDirs = state.Dirs{Root: engine.DefaultRoot, Run: engine.DefaultRunDir}

// running is the record of a container that runs.
func running(t *testing.T, name string) *state.Run {
	t.Helper()
	c, err := testDirs.ContainerByName(name)
	if err != nil {
		t.Fatal(err)
	}
	run, err := testDirs.ReadRun(c.ID)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// status is the STATUS of a container, without the time.
func status(t *testing.T, name string) string {
	t.Helper()
	list, err := testEngine(t).List(engine.ListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range list {
		if one.Name == name {
			code, _, _ := strings.Cut(one.Status, ") ")
			return code
		}
	}
	return "not there"
}

// fails wants a script to end with this exit code, and to say so.
func fails(t *testing.T, m *hosttest.Machine, script string, code int, says string) {
	t.Helper()
	out, got := m.Try(script)
	if got != code || !strings.Contains(out, says) {
		t.Errorf("%s\nexit code %d, not %d: %s\nnot: %s", script, got, code, out, says)
	}
}

// listen tries whether a port can be had.
func listen(network, addr string) error {
	if network == "udp4" {
		c, err := net.ListenPacket(network, addr)
		if err == nil {
			c.Close()
		}
		return err
	}
	l, err := net.Listen(network, addr)
	if err == nil {
		l.Close()
	}
	return err
}
