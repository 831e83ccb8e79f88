package nat_test

import (
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// Whoever has lost the journals finds all that is ours by its marks, and
// nothing that is not.
func TestSweep(t *testing.T) {
	eachVariant(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, strangers+"iptables -D MINIBRIDGE-USER 1\niptables -X MINIBRIDGE-USER")
		before := m.State(t)
		if steps, err := nat.Iptables().Sweep(); len(steps) > 0 || err != nil {
			t.Fatalf("on a clean machine: %v, %v", steps, err)
		}
		up(t, &plan.Memory{}, nat.Iptables().Host())
		up(t, &plan.Memory{}, nat.Iptables().Publish(web(t, "8080:80", "53:53/udp")))
		up(t, &plan.Memory{}, append(nat.Iptables().Host(), all6(t)...))
		m.Sh(t, "rule=$(iptables-save -t nat | grep 'dport 8080.*minibridge:'); eval iptables -t nat $rule") // twice
		sweep(t)
		if diff := hosttest.Diff(before, m.State(t)); diff != "" {
			t.Error(diff)
		}
	})
}

// The administrator's chain stays with the rules in it, and is nothing that
// could be swept.
func TestSweepLeavesTheAdministratorsRules(t *testing.T) {
	eachVariant(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, strangers)
		before := m.State(t)
		up(t, &plan.Memory{}, nat.Iptables().Host())
		sweep(t)
		if diff := hosttest.Diff(before, m.State(t)); diff != "" {
			t.Error(diff)
		}
		if steps, err := nat.Iptables().Sweep(); len(steps) > 0 || err != nil {
			t.Errorf("then: %v, %v", steps, err)
		}
	})
}

func sweep(t *testing.T) {
	t.Helper()
	steps, err := nat.Iptables().Sweep()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range steps {
		if err := step.Apply(); err != nil {
			t.Fatal(err)
		}
	}
}
