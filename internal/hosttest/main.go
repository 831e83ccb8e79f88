package hosttest

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/machine"
)

const (
	// testEnv names the one test that this process is to run in its machine.
	testEnv = "MINIBRIDGE_HOSTTEST"
	// stateEnv makes this process run the script on its standard input and
	// print the state of its machine.
	stateEnv = "MINIBRIDGE_HOSTTEST_STATE"
	// doneFD is where a test in its machine says that it ran to its end.
	doneFD = 3
)

// Set by [Main]; inside is the name of the test whose machine this is.
var (
	ready  bool
	inside string
	done   *os.File
)

// Main is the TestMain of every package whose tests use [Run]:
//
//	func TestMain(m *testing.M) { hosttest.Main(m) }
//
// It ends the process. When all tests pass, it looks for goroutines and
// descriptors that they left, and for threads in a foreign network namespace.
func Main(m *testing.M) {
	machine.Init()
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "these tests make private machines, which needs root; try: sudo hack/test")
		os.Exit(1)
	}
	if _, ok := os.LookupEnv(stateEnv); ok {
		os.Exit(printState())
	}
	ready = true
	inside = os.Getenv(testEnv)
	if inside != "" {
		os.Unsetenv(testEnv)
		unix.CloseOnExec(doneFD)
		done = os.NewFile(doneFD, "done")
	}
	before := snap()
	code := m.Run()
	if code == 0 {
		if left := leaks(before); left != "" {
			fmt.Fprintln(os.Stderr, "left behind by the tests:\n"+left)
			code = 1
		}
	}
	os.Exit(code)
}

func printState() (code int) {
	script, err := io.ReadAll(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if out, code := run("", string(script)); code != 0 {
		fmt.Fprintf(os.Stderr, "%s\nexit code %d: %s\n", strings.TrimSpace(string(script)), code, out)
		return 1
	}
	state, err := state()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Print(state)
	return 0
}
