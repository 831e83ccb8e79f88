package hosttest

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
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

var built = flag.String("programs", "", "a `directory` that has the programs already")

// Set by [Main]; inside is the name of the test whose machine this is.
var (
	ready   bool
	inside  string
	done    *os.File
	sources []string // the folders of programs
)

// Main is the TestMain of every package whose tests use [Run]:
//
//	func TestMain(m *testing.M) { hosttest.Main(m) }
//
// Programs are main packages that the tests want to find in PATH, built from
// their sources, unless -programs says where they are. Main ends the process. When all tests pass, it looks for
// goroutines and descriptors that they left, and for threads in a foreign
// network namespace.
func Main(m *testing.M, programs ...string) {
	machine.Init()
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "these tests make private machines, which needs root; try: sudo hack/test")
		os.Exit(1)
	}
	if _, ok := os.LookupEnv(stateEnv); ok {
		os.Exit(printState())
	}
	// Built with the race detector, every process that a test starts would
	// wait for a second before it ends.
	os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	countAlong()
	ready = true
	inside = os.Getenv(testEnv)
	os.Exit(runAll(m, programs))
}

// countAlong has programs that tests start write what they ran to where the
// test binary does: go test gives them a directory that it throws away.
func countAlong() {
	flag.Parse()
	if dir := coverDir(); dir != "" && os.Getenv(testEnv) == "" {
		os.Setenv("GOCOVERDIR", dir)
	}
}

func runAll(m *testing.M, programs []string) (code int) {
	if inside != "" {
		os.Unsetenv(testEnv)
		unix.CloseOnExec(doneFD)
		done = os.NewFile(doneFD, "done")
	} else if *built != "" {
		os.Setenv("PATH", *built+":"+os.Getenv("PATH"))
	} else if len(programs) > 0 {
		dir, err := build(programs)
		defer os.RemoveAll(dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	before := snap()
	if code := m.Run(); code != 0 {
		return code
	}
	if left := leaks(before); left != "" {
		fmt.Fprintln(os.Stderr, "left behind by the tests:\n"+left)
		return 1
	}
	return 0
}

// build puts programs in a new directory and that first into PATH, for the
// machines too. Where GOCOVERDIR is set they write there what they ran.
func build(programs []string) (dir string, err error) {
	dir, err = os.MkdirTemp("", "hosttest-")
	if err != nil {
		return "", err
	}
	args := []string{"build", "-buildvcs=false", "-o", dir + "/"}
	if os.Getenv("GOCOVERDIR") != "" {
		args = append(args, "-cover", "-covermode=atomic", "-coverpkg=github.com/minibridge/minibridge/...")
	}
	cmd := exec.Command("go", append(args, programs...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	if sources, err = folders(programs); err != nil {
		return dir, err
	}
	return dir, os.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// folders gives those with the sources of programs.
func folders(programs []string) ([]string, error) {
	const ours = "{{with .Module}}{{if .Main}}{{$.Dir}}{{end}}{{end}}"
	out, err := exec.Command("go", append([]string{"list", "-deps", "-f", ours}, programs...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	return strings.Fields(string(out)), nil
}

// mind has go test see when programs change. It takes the result of a test for
// good as long as the test binary is the same, and what a test has opened in
// the module (computeTestInputsID in cmd/go/internal/test).
var mind = sync.OnceFunc(func() {
	for _, dir := range sources {
		if f, err := os.Open(dir); err == nil {
			f.Close()
		}
	}
})

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
