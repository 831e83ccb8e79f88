package engine_test

import (
	"testing"
	"time"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// What a command of exec leaves behind, with its streams, is not waited for.
func TestExecLeavesADaemonBehind(t *testing.T) {
	const script = `trap '' HUP; echo before; sleep 1000 & exit 3`
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run -d --name web sleep 1000")
		for _, flag := range []string{"-i", "-i=false"} {
			out, code := m.Try("timeout -s KILL 20 minibridge exec " + flag + ` web sh -c "` + script + `"`)
			if code != 3 || out != "before" {
				t.Errorf("exec %s: exit code %d, and it says %q", flag, code, out)
			}
		}
		p := sit(t, 24, 80)
		was := p.mode()
		cmd := p.starts("exec", "-it", "web", "sh", "-c", script)
		defer time.AfterFunc(2*patience, func() { cmd.Process.Kill() }).Stop()
		p.sees("before")
		p.ends(cmd, 3, was)
	})
}
