package sandbox_test

import (
	"context"
	"log"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// A network namespace that `ip -n web` knows, and that goes with its devices.
func ExampleNetnsAdd() {
	var p plan.Plan
	p.Do(&sandbox.NetnsDir{}, "where ip netns keeps the names of namespaces")
	p.Do(&sandbox.NetnsAdd{Name: "web", Pin: "/run/lab/web"}, "a network stack of its own")
	lab := plan.Executor{Journal: &plan.Memory{}}
	if err := lab.Up(context.Background(), p); err != nil {
		log.Fatal(err)
	}
	// …
	if err := lab.Down(0); err != nil {
		log.Fatal(err)
	}
}

// The example needs root, and a machine to try it on.
func TestExampleNetnsAdd(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		before := m.State(t)
		ExampleNetnsAdd()
		m.WaitState(t, before)
	})
}
