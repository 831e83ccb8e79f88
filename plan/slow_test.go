package plan_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minibridge/minibridge/plan"
)

// pause is a step that takes its time.
type pause time.Duration

func (p pause) String() string { return fmt.Sprintf("sleep %v", time.Duration(p)) }

func (p pause) Apply() error {
	time.Sleep(time.Duration(p))
	return nil
}

func (p pause) Undo() (plan.Step, error) { return p, nil }

func TestASlowStepIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []time.Duration
		begun := time.Now()
		e := plan.Executor{Journal: &plan.Memory{}, Slow: func() { told = append(told, time.Since(begun)) }}
		var p plan.Plan
		for _, ms := range []time.Duration{900, 3100, 200} {
			p.Do(pause(ms*time.Millisecond), "why not")
		}
		if err := e.Up(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if err := e.Down(0); err != nil {
			t.Fatal(err)
		}
		want := []time.Duration{1900 * time.Millisecond, 5400 * time.Millisecond}
		if !slices.Equal(told, want) {
			t.Errorf("told after %v, not %v", told, want)
		}
	})
}
