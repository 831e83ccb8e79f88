package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// What a person does at a terminal is told as Docker tells it.
func TestEventsOfATerminal(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		p := sit(t, 24, 80)
		was := p.mode()
		run := p.starts("run", "-it", "--name", "box", "sh")
		p.sees("# ")
		p.types("until stty size | grep 132; do :; done; echo wide\n")
		p.resize(50, 132)
		p.sees("50 132\r\nwide\r\n")
		toldOf(t, m, "resize", 2) // which comes after it is so
		p.types(leaving)
		p.ends(run, 0, was)
		attach := p.starts("attach", "box")
		p.types("echo $((40 + 2))\n")
		p.sees("42\r\n")
		toldOf(t, m, "resize", 4)
		other := sit(t, 10, 40)
		exec := other.starts("exec", "-it", "box", "sh", "-c", "stty size; exit 5")
		other.sees("10 40\r\n")
		other.ends(exec, 5, was)
		p.types("exit 4\n")
		p.ends(attach, 4, was)
		want := strings.Fields("create attach start resize:24x80 resize:50x132 detach attach resize:51x133 resize:50x132 exec_create exec_start exec_die die:4")
		have := m.Sh(t, `minibridge events --since 1h --until 0s -f type=container --format '{{index (split .Action ":") 0}}{{with .Actor.Attributes.height}}:{{.}}{{end}}{{with .Actor.Attributes.width}}x{{.}}{{end}}{{if eq .Action "die"}}:{{.Actor.Attributes.exitCode}}{{end}}'`)
		if diff := hosttest.Diff(strings.Join(want, "\n"), have); diff != "" {
			t.Error(diff)
		}
	})
}

// toldOf waits until there have been so many events of a kind.
func toldOf(t *testing.T, m *hosttest.Machine, event string, times int) {
	t.Helper()
	m.Sh(t, fmt.Sprintf("until [ $(minibridge events --since 1h --until 0s -f event=%s | wc -l) = %d ]; do :; done", event, times))
}
