package hosttest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// TB is what the checks need of a test: *testing.T, *testing.B and *rapid.T.
type TB interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Machine is the machine that a test runs in. Its names are those that a host
// has: network namespace "outside", behind the device uplink.
type Machine struct{}

// Sh runs a script by `sh -e` and returns what it printed, without the last
// newline. A script that fails ends the test. Programs left running in the
// background end with the machine.
func (m *Machine) Sh(t TB, script string) string {
	t.Helper()
	return m.must(t, "", script)
}

// Outside is [Machine.Sh] in the outside world.
func (m *Machine) Outside(t TB, script string) string {
	t.Helper()
	return m.must(t, "outside", script)
}

// In is [Machine.Sh] in a named network namespace.
func (m *Machine) In(t TB, ns plan.NS, script string) string {
	t.Helper()
	return m.must(t, ns, script)
}

// Try runs a script as [Machine.Sh] does, and returns its exit code too.
func (m *Machine) Try(script string) (out string, code int) {
	return run("", script)
}

func (m *Machine) must(t TB, ns plan.NS, script string) string {
	t.Helper()
	out, code := run(ns, script)
	if code != 0 {
		t.Fatalf("%s\nexit code %d: %s", script, code, out)
	}
	return out
}

// run collects the output in memory, not through a pipe, which a program in
// the background would keep open.
func run(ns plan.NS, script string) (out string, code int) {
	argv := []string{"sh", "-ec", script}
	var files []*os.File
	if len(script) > maxWord {
		file, err := inMemory(script)
		if err != nil {
			return err.Error(), -1
		}
		defer file.Close()
		argv, files = []string{"sh", "-e", "/proc/self/fd/3"}, []*os.File{file}
	}
	if ns != "" {
		argv = append([]string{"ip", "netns", "exec", string(ns)}, argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.ExtraFiles = files
	b, err := outputWithin(endless, cmd)
	out = strings.TrimSuffix(string(b), "\n")
	if err != nil && cmd.ProcessState == nil {
		return err.Error(), -1
	}
	return out, cmd.ProcessState.ExitCode()
}

// maxWord is how long a word of a command line may be, in bytes, with room for
// its end (MAX_ARG_STRLEN, linux/binfmts.h).
const maxWord = 128<<10 - 64

// inMemory is a file that holds a text and has no name.
func inMemory(text string) (*os.File, error) {
	fd, err := unix.MemfdCreate("script", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "script")
	_, err = file.WriteString(text)
	return file, err
}

// endless is what a script that waits for something never takes: go test would
// wait longer, and then couldn't say for whom.
const endless = 4 * time.Minute

// outputWithin is [output] of a command that is killed when it takes longer; then
// the processes of the machine follow what it wrote.
func outputWithin(limit time.Duration, cmd *exec.Cmd) ([]byte, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	j := begin(cmd)
	if j.err == nil {
		defer time.AfterFunc(limit, func() {
			fmt.Fprintf(j.out, "killed after %v; there was:\n%s", limit, processes())
			cmd.Process.Kill()
		}).Stop()
	}
	return j.wait()
}

// processes are those of the machine, and what each waits for in the kernel.
func processes() []byte {
	b, err := exec.Command("ps", "-eo", "pid,ppid,stat,wchan:24,args").CombinedOutput()
	if err != nil {
		return []byte(err.Error())
	}
	return b
}

// output runs a command and returns what it wrote to both its streams.
func output(cmd *exec.Cmd) ([]byte, error) {
	// A machine dies with the thread that started it: nobody else shall have
	// this one meanwhile, and end on it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return begin(cmd).wait()
}

// A job is a command that was started.
type job struct {
	cmd *exec.Cmd
	out *os.File
	err error
}

// start starts a command in the namespaces of the calling thread.
func start(stdin, name string, args ...string) *job {
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	return begin(cmd)
}

func begin(cmd *exec.Cmd) *job {
	fd, err := unix.MemfdCreate("output", unix.MFD_CLOEXEC)
	if err != nil {
		return &job{cmd: cmd, err: err}
	}
	out := os.NewFile(uintptr(fd), "output")
	cmd.Stdout, cmd.Stderr = out, out
	return &job{cmd, out, cmd.Start()}
}

func (j *job) name() string { return filepath.Base(j.cmd.Path) }

// wait gives what the command wrote; one that failed says so in its error.
func (j *job) wait() ([]byte, error) {
	if j.out != nil {
		defer j.out.Close()
	}
	if j.err != nil {
		return nil, j.err
	}
	failed := j.cmd.Wait()
	b, err := io.ReadAll(io.NewSectionReader(j.out, 0, 1<<62))
	if err != nil {
		return nil, err
	}
	if failed != nil {
		failed = fmt.Errorf("%s: %w: %s", j.cmd, failed, b)
	}
	return b, failed
}
