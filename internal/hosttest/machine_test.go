package hosttest

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestAScriptThatWaitsForEverSaysForWhom(t *testing.T) {
	Run(t, func(t *testing.T, m *Machine) {
		b, err := outputWithin(100*time.Millisecond, exec.Command("sh", "-c", "echo begun; sleep 1000; echo ended"))
		if err == nil {
			t.Error("it has ended well")
		}
		out := string(b)
		if !strings.HasPrefix(out, "begun\n") || !strings.Contains(out, "sleep 1000") || strings.HasSuffix(out, "ended\n") {
			t.Errorf("it has written %q", out)
		}
	})
}
