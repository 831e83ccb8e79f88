package hosttest_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

func TestTheMachineHasAWorldOutside(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "ping -c1 -W2 192.0.2.2")
		m.Outside(t, "ping -c1 -W2 192.0.2.1")
		if out, code := m.Try("echo no >&2; exit 3"); out != "no" || code != 3 {
			t.Errorf("Try gives %q, %d", out, code)
		}
		if out := m.In(t, "outside", "ip -4 -br addr show eth0"); !strings.Contains(out, "192.0.2.2/24") {
			t.Errorf("outside is %s", out)
		}
	})
}

func TestAProgramInTheBackgroundIsNotWaitedFor(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		if out := m.Sh(t, "sleep 1000 & echo started"); out != "started" {
			t.Error(out)
		}
	})
}

// broken makes a test that is to fail do so; without it the test does nothing.
const broken = "HOSTTEST_BROKEN"

func TestBroken(t *testing.T) {
	if os.Getenv(broken) == "" {
		return
	}
	for name, f := range map[string]func(t *testing.T, m *hosttest.Machine){
		"an error":   func(t *testing.T, m *hosttest.Machine) { t.Error("it is wrong") },
		"sub/test":   func(t *testing.T, m *hosttest.Machine) { t.Run("b c", func(t *testing.T) { t.Fatal("this one") }) },
		"script":     func(t *testing.T, m *hosttest.Machine) { m.Sh(t, "echo the output; exit 4") },
		"skip":       func(t *testing.T, m *hosttest.Machine) { t.Skip("the reason") },
		"panic":      func(t *testing.T, m *hosttest.Machine) { panic("at the disco") },
		"exit":       func(t *testing.T, m *hosttest.Machine) { os.Exit(0) },
		"goroutine":  func(t *testing.T, m *hosttest.Machine) { go func() { select {} }() },
		"descriptor": func(t *testing.T, m *hosttest.Machine) { leaked, _ = os.Open("/etc/passwd") },
		"lying op":   func(t *testing.T, m *hosttest.Machine) { m.Twin(t, &lying{forward()}, "") },
		"same as now": func(t *testing.T, m *hosttest.Machine) {
			m.Twin(t, &plan.SysctlSet{Key: "net.ipv4.ip_forward", Value: "0"}, "")
		},
		"sticky op": func(t *testing.T, m *hosttest.Machine) { m.NoTrace(t, plan.Plan{{Op: &sticky{forward()}}}) },
	} {
		t.Run(name, func(t *testing.T) { hosttest.Run(t, f) })
	}
}

var leaked *os.File

func forward() plan.SysctlSet { return plan.SysctlSet{Key: "net.ipv4.ip_forward", Value: "1"} }

// lying prints another command than it is.
type lying struct{ plan.SysctlSet }

func (l *lying) String() string { return "sysctl -qw net.ipv4.ip_unprivileged_port_start=0" }

// sticky has an undo that undoes nothing.
type sticky struct{ plan.SysctlSet }

func (s *sticky) Undo() (plan.Step, error) { return &plan.Leave{Why: "stays"}, nil }

func TestFailuresInAMachineReachTheReader(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"an error":    `hosttest_test.go:\d+: it is wrong`,
		"sub/test":    `--- FAIL: TestBroken/sub/test/b_c .*\n\s*hosttest_test.go:\d+: this one`,
		"script":      `exit code 4: the output`,
		"skip":        `did not run to its end`,
		"panic":       `at the disco`,
		"exit":        `did not run to its end`,
		"goroutine":   `unexpected goroutines`,
		"descriptor":  `descriptor \d+: /etc/passwd`,
		"lying op":    `\+ host: sysctl net/ipv4/ip_forward = 1`,
		"same as now": `so already, before Apply`,
		"sticky op":   `trace left`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slash := strings.ReplaceAll(strings.ReplaceAll(name, " ", "_"), "/", "$/^")
			cmd := exec.Command(os.Args[0], "-test.run=^TestBroken$/^"+slash+"$")
			cmd.Env = append(os.Environ(), broken+"=1")
			out, err := cmd.CombinedOutput()
			if err == nil || !regexp.MustCompile(want).Match(out) {
				t.Errorf("%v, and nothing like %s in:\n%s", err, want, out)
			}
		})
	}
}

// A check inside a property test has its own type of test.
var _ hosttest.TB = (*rapid.T)(nil)

func TestLawsOfPlansInOneMachine(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for _, values := range []string{"000", "011", "111"} {
			var p plan.Plan
			for i, key := range []string{"ip_forward", "conf.lo.route_localnet", "conf.uplink.rp_filter"} {
				p.Do(&plan.SysctlSet{Key: "net.ipv4." + key, Value: values[i : i+1]}, "to see it come and go")
			}
			m.TwinPlan(t, p, "")
			m.NoTrace(t, p)
		}
	})
}
