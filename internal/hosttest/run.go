// Package hosttest gives each test that touches a kernel a machine of its own:
// the test binary runs again, with that one test, in a private machine
// (internal/machine). Goroutines, threads and child processes of the test are
// all in there, and nothing of them is left.
//
//	func TestMain(m *testing.M) { hosttest.Main(m) }
//
//	func TestBridge(t *testing.T) {
//		hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
//			m.Sh(t, "ip link add br0 type bridge")
//		})
//	}
package hosttest

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/minibridge/minibridge/internal/machine"
)

// Run is the whole body of a test, or of a subtest: it runs f in a machine,
// beside other tests (it calls t.Parallel, so the test may not). Inside f,
// subtests work as usual.
func Run(t *testing.T, f func(t *testing.T, m *Machine)) {
	t.Helper()
	switch {
	case !ready:
		t.Fatal("TestMain must call hosttest.Main")
	case inside == t.Name():
		f(t, &Machine{})
		if _, err := done.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
	case inside != "":
		t.Fatalf("hosttest.Run in the machine of %s", inside)
	default:
		t.Parallel()
		mind()
		outside(t)
	}
}

// outside runs the test again in a machine, and makes its result ours.
func outside(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	args, gather := ownCoverage(t)
	defer gather()
	cmd := machine.Command(t.Context(), append(append([]string{self}, arguments(t)...), args...)...)
	cmd.Env = append(os.Environ(), testEnv+"="+t.Name())
	cmd.ExtraFiles = []*os.File{w} // doneFD
	out, err := output(cmd)
	w.Close()

	text := report(out)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Errorf("in its machine (%s):\n%s", exit.ProcessState, text)
		return
	}
	if err != nil {
		t.Fatalf("a machine for it: %v", err)
	}
	if n, _ := r.Read(make([]byte, 1)); n == 0 {
		t.Errorf("in its machine, the test did not run to its end:\n%s", text)
		return
	}
	if testing.Verbose() {
		t.Logf("in its machine:\n%s", text)
	}
}

// unending is what no test takes: the others need not wait for one that hangs
// until go test ends all of them.
const unending = 6 * time.Minute

// arguments are the flags for the test binary in its machine: its one test, our
// flags that bear on it, and a time limit that lets it tell where it hung.
func arguments(t *testing.T) []string {
	var pattern []string
	for _, name := range strings.Split(t.Name(), "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(name)+"$")
	}
	args := []string{"-test.run=" + strings.Join(pattern, "/")}
	if testing.Verbose() {
		args = append(args, "-test.v")
	}
	if deadline, ok := t.Deadline(); ok {
		left := time.Until(deadline)
		args = append(args, fmt.Sprintf("-test.timeout=%v", min(left-left/10, unending)))
	}
	flag.Visit(func(f *flag.Flag) {
		switch {
		case f.Name == "test.short", !strings.HasPrefix(f.Name, "test."):
			args = append(args, fmt.Sprintf("-%s=%s", f.Name, f.Value))
		}
	})
	return args
}

// report leaves out what the testing package prints around the one test.
func report(out []byte) string {
	var b strings.Builder
	for line := range strings.Lines(string(out)) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "===", "PASS", "FAIL", "coverage:":
		default:
			b.WriteString(line)
		}
	}
	return b.String()
}
