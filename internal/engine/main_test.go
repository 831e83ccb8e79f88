package engine_test

import (
	"cmp"
	"os"
	"runtime"
	"testing"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/hosttest"
)

// As in the program: its supervisors are this binary.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	engine.Init()
	for name, f := range map[string]func(string) int{victimEnv: victim, serveEnv: serve, echoEnv: echo} {
		if value, ok := os.LookupEnv(name); ok {
			os.Exit(f(value))
		}
	}
	hosttest.Main(m, "github.com/minibridge/minibridge/cmd/minibridge")
}

// testEngine is one with the folders that the program has when it is not told
// otherwise.
func testEngine(t hosttest.TB) *engine.Engine { return engineWith(t, testFirewall()) }

// testFirewall is that of the programs that a test runs.
func testFirewall() string { return cmp.Or(os.Getenv("MINIBRIDGE_FIREWALL"), engine.DefaultFirewall) }

func engineWith(t hosttest.TB, firewall string) *engine.Engine {
	t.Helper()
	e, err := engine.New(engine.Config{
		Root: engine.DefaultRoot, RunDir: engine.DefaultRunDir, Firewall: firewall, Notice: notices{t},
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return e
}

// notices go to the test's log.
type notices struct{ t hosttest.TB }

func (n notices) Write(p []byte) (int, error) {
	n.t.Logf("notice: %s", p)
	return len(p), nil
}
