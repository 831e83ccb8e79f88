package plan_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/minibridge/minibridge/plan"
)

// world is a kernel whose whole state is a list of names.
type world struct {
	have   []string
	broken map[string]error // by the text of the step
}

func (w *world) add(name string) plan.Op { return &change{w, name, true} }

func (w *world) plan(names ...string) (p plan.Plan) {
	for _, name := range names {
		p.Do(w.add(name), "why "+name)
	}
	return p
}

func (w *world) is(t *testing.T, names ...string) {
	t.Helper()
	if !slices.Equal(w.have, names) {
		t.Errorf("the world is %q, not %q", w.have, names)
	}
}

// change adds a name to its world, or deletes it.
type change struct {
	w    *world
	name string
	add  bool
}

func (c *change) String() string {
	if c.add {
		return "add " + c.name
	}
	return "del " + c.name
}

func (c *change) Apply() error {
	if err := c.w.broken[c.String()]; err != nil {
		return err
	}
	if c.add {
		c.w.have = append(c.w.have, c.name)
		return nil
	}
	c.w.have = slices.DeleteFunc(c.w.have, func(n string) bool { return n == c.name })
	return nil
}

func (c *change) Undo() (plan.Step, error) {
	if err := c.w.broken["look at "+c.name]; err != nil {
		return nil, err
	}
	if slices.Contains(c.w.have, c.name) {
		return nil, nil
	}
	return &change{c.w, c.name, false}, nil
}

// journal counts what a memory does not tell.
type journal struct {
	plan.Memory
	done     int
	settled  bool
	failures map[string]error
}

func (j *journal) Append(undo plan.Step) error {
	if err := j.failures[undo.String()]; err != nil {
		return err
	}
	return j.Memory.Append(undo)
}

func (j *journal) Done() error { j.done++; return nil }

func (j *journal) Keep(mark int, failed []plan.Step) error {
	j.settled = len(failed) == 0
	return j.Memory.Keep(mark, failed)
}

func (j *journal) holds(t *testing.T, steps ...string) {
	t.Helper()
	var have []string
	for _, s := range j.Steps() {
		have = append(have, s.String())
	}
	if !slices.Equal(have, steps) {
		t.Errorf("the journal holds %q, not %q", have, steps)
	}
}

// executor traces the steps it applies.
func executor(j plan.Journal, trace *[]string) plan.Executor {
	return plan.Executor{Journal: j, Trace: func(s plan.Step, why string) {
		*trace = append(*trace, s.String()+" # "+why)
	}}
}

func (b *batch) String() string { return "first\nsecond" }

func (b *batch) Apply() error {
	err := errors.New("no")
	if b.failed == "" {
		return err
	}
	return errors.Join(&plan.CommandError{Command: b.failed, Err: err}, &plan.CommandError{Command: "third", Err: err})
}
