package plan_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/minibridge/minibridge/plan"
)

func TestUpMakesAPlanTrueOnce(t *testing.T) {
	t.Parallel()
	w := &world{have: []string{"b"}}
	var trace []string
	j := &journal{}
	e := executor(j, &trace)
	for range 2 { // the second time all of it is so already, and nothing is written
		if err := e.Up(t.Context(), w.plan("a", "b", "c")); err != nil {
			t.Fatal(err)
		}
		w.is(t, "b", "a", "c")
		j.holds(t, "del a", "del c")
		if j.done != 1 {
			t.Errorf("the journal was marked done %d times", j.done)
		}
	}
	if want := []string{"add a # why a", "add c # why c"}; !slices.Equal(trace, want) {
		t.Errorf("the trace is %q, not %q", trace, want)
	}
	if err := e.Down(0); err != nil {
		t.Fatal(err)
	}
	w.is(t, "b")
	j.holds(t)
}

// What somebody has deleted is made again, and has its undo from the first time;
// what fails then is not taken back with it.
func TestUpWritesNoUndoTwice(t *testing.T) {
	t.Parallel()
	fault := errors.New("no space")
	w := &world{have: []string{"b"}}
	j := &journal{}
	e := plan.Executor{Journal: j}
	if err := e.Up(t.Context(), w.plan("a", "b", "c")); err != nil {
		t.Fatal(err)
	}
	w.have = nil
	if err := e.Up(t.Context(), w.plan("a", "b", "c")); err != nil {
		t.Fatal(err)
	}
	w.is(t, "a", "b", "c")
	j.holds(t, "del a", "del c", "del b")
	w.have, w.broken = []string{"b"}, map[string]error{"add e": fault}
	if err := e.Up(t.Context(), w.plan("a", "d", "c", "e")); !errors.Is(err, fault) {
		t.Errorf("the error is %v", err)
	}
	w.is(t, "b", "a", "c")
	j.holds(t, "del a", "del c", "del b")
	if err := e.Down(0); err != nil {
		t.Fatal(err)
	}
	w.is(t)
}

func TestUpTakesBackItsOwnNewestFirst(t *testing.T) {
	t.Parallel()
	fault := errors.New("no space")
	w := &world{broken: map[string]error{"add d": fault}}
	var trace []string
	j := &journal{}
	e := executor(j, &trace)
	if err := e.Up(t.Context(), w.plan("a")); err != nil {
		t.Fatal(err)
	}
	trace = nil
	err := e.Up(t.Context(), w.plan("b", "c", "d", "e"))
	if !errors.Is(err, fault) || err.Error() != "add d: no space" {
		t.Errorf("the error is %v", err)
	}
	w.is(t, "a")
	j.holds(t, "del a")
	if !j.settled || j.done != 1 {
		t.Errorf("a complete rollback left settled %v, done %d", j.settled, j.done)
	}
	want := []string{"add b # why b", "add c # why c", "add d # why d", "del d # ", "del c # ", "del b # "}
	if !slices.Equal(trace, want) {
		t.Errorf("the trace is %q, not %q", trace, want)
	}
}

func TestAnUndoThatFailsKeepsItsPlace(t *testing.T) {
	t.Parallel()
	fault, busy, alien := errors.New("no space"), errors.New("busy"), errors.New("a stranger's")
	w := &world{broken: map[string]error{"add d": fault, "del c": busy, "del a": alien}}
	j := &journal{}
	e := plan.Executor{Journal: j}
	err := e.Up(t.Context(), w.plan("a", "b", "c", "d"))
	for _, want := range []error{fault, busy, alien} {
		if !errors.Is(err, want) {
			t.Errorf("%v is not joined in: %v", want, err)
		}
	}
	w.is(t, "a", "c")
	j.holds(t, "del a", "del c")
	if j.settled {
		t.Error("the journal counts as settled")
	}
	w.broken = nil // whoever stood in the way has left
	if err := e.Down(0); err != nil {
		t.Fatal(err)
	}
	w.is(t)
	j.holds(t)
	if !j.settled {
		t.Error("the journal is not settled after all is undone")
	}
}

func TestUpStopsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	interrupted := errors.New("interrupt")
	ctx, cancel := context.WithCancelCause(t.Context())
	w := &world{}
	j := &journal{}
	e := plan.Executor{Journal: j, Trace: func(s plan.Step, _ string) {
		if s.String() == "add b" {
			cancel(interrupted) // b is finished, c not begun
		}
	}}
	if err := e.Up(ctx, w.plan("a", "b", "c")); !errors.Is(err, interrupted) {
		t.Errorf("the error is %v", err)
	}
	w.is(t)
	j.holds(t)
}

func TestUpChangesNothingItCouldNotWriteDown(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	w := &world{}
	j := &journal{failures: map[string]error{"del b": full}}
	e := plan.Executor{Journal: j}
	if err := e.Up(t.Context(), w.plan("a", "b")); !errors.Is(err, full) {
		t.Errorf("the error is %v", err)
	}
	w.is(t)
	j.holds(t)
}

func TestUpRefusesWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	taken := errors.New("in use on docker0")
	w := &world{broken: map[string]error{"look at b": taken}}
	j := &journal{}
	e := plan.Executor{Journal: j}
	if err := e.Up(t.Context(), w.plan("a", "b")); !errors.Is(err, taken) || err.Error() != "add b: in use on docker0" {
		t.Errorf("the error is %v", err)
	}
	w.is(t)
	j.holds(t)
}

func TestDownToAMark(t *testing.T) {
	t.Parallel()
	w := &world{}
	j := &journal{}
	e := plan.Executor{Journal: j}
	if err := e.Up(t.Context(), w.plan("a", "b", "c")); err != nil {
		t.Fatal(err)
	}
	if err := e.Down(1); err != nil {
		t.Fatal(err)
	}
	w.is(t, "a")
	j.holds(t, "del a")
}

func TestDrift(t *testing.T) {
	t.Parallel()
	taken := errors.New("in use on docker0")
	w := &world{have: []string{"b"}, broken: map[string]error{"look at d": taken}}
	missing, err := plan.Drift(w.plan("a", "b", "c", "d"))
	if want := "# why a\nadd a\n# why c\nadd c\n"; missing.String() != want {
		t.Errorf("missing is %q, not %q", missing, want)
	}
	if !errors.Is(err, taken) {
		t.Errorf("the error is %v", err)
	}
}

// batch is a step of two commands that knows which of them failed.
type batch struct {
	change
	failed string
}

func TestAnErrorNamesTheCommandThatFailed(t *testing.T) {
	t.Parallel()
	for failed, want := range map[string]string{
		"":       "first …: no",
		"second": "second: no\nthird: no",
	} {
		e := plan.Executor{Journal: &plan.Memory{}}
		var p plan.Plan
		p.Do(&batch{change{&world{}, "a", true}, failed}, "why")
		if err := e.Up(t.Context(), p); err == nil || err.Error() != want {
			t.Errorf("the error is %q, not %q", err, want)
		}
	}
}
