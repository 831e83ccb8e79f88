package plan

import (
	"context"
	"errors"
	"time"
)

// An Executor makes plans true and takes them back. Whoever makes one holds
// the lock that orders all writers; [Journal] implementations on disk are
// opened from that lock, so there is no executor without it.
type Executor struct {
	Journal Journal
	// Trace, unless nil, sees each step just before it is applied, with its
	// reason ("" for a step that takes something back).
	Trace func(step Step, why string)
	// Slow, unless nil, is called once while a step is being applied that takes
	// over a second: it says whatever that waits for.
	Slow func()
}

// slow is how long a step goes without a word.
const slow = time.Second

// do applies a step.
func (e *Executor) do(s Step) error {
	if e.Slow == nil {
		return s.Apply()
	}
	said := make(chan struct{})
	timer := time.AfterFunc(slow, func() {
		e.Slow()
		close(said)
	})
	err := s.Apply()
	if !timer.Stop() {
		<-said
	}
	return err
}

// Up makes p true. On the first error, or when ctx ends between two ops, it
// takes back what this call did, and nothing older, and returns both errors.
// Rolling back does not depend on ctx.
//
// What the journal has an undo for from earlier calls was there before: it is
// made again, and is no news to the journal.
func (e *Executor) Up(ctx context.Context, p Plan) error {
	mark := len(e.Journal.Steps())
	done := false
	for _, line := range p {
		did, err := e.apply(ctx, line, mark)
		if err != nil {
			return errors.Join(err, e.Down(mark))
		}
		done = done || did
	}
	if !done {
		return nil // all of it was so already
	}
	return e.Journal.Done()
}

func (e *Executor) apply(ctx context.Context, line Line, mark int) (did bool, err error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	undo, err := line.Undo()
	if err != nil || undo == nil {
		return false, wrap(line.Op, err)
	}
	if !covered(undo, e.Journal.Steps()[:mark]) {
		if err := e.Journal.Append(undo); err != nil { // written down before it is done
			return false, wrap(line.Op, err)
		}
	}
	if e.Trace != nil {
		e.Trace(line.Op, line.Why)
	}
	return true, wrap(line.Op, e.do(line.Op))
}

// Down applies the steps journaled since mark, newest first; mark 0 is all of
// them. A failed step does not stop the rest: its error is joined to the
// others, and it keeps its place in the journal, unless the error is [NotOurs].
func (e *Executor) Down(mark int) error {
	steps := e.Journal.Steps()
	if len(steps) <= mark {
		return nil
	}
	var errs []error
	var failed []Step
	for i := len(steps) - 1; i >= mark; i-- {
		if e.Trace != nil {
			e.Trace(steps[i], "")
		}
		if err := e.do(steps[i]); err != nil {
			errs = append(errs, wrap(steps[i], err))
			if _, gone := errors.AsType[*NotOurs](err); !gone {
				failed = append([]Step{steps[i]}, failed...)
			}
		}
	}
	errs = append(errs, e.Journal.Keep(mark, failed))
	return errors.Join(errs...)
}

// Drift returns the lines of p that are not true of the kernel now.
func Drift(p Plan) (Plan, error) {
	var missing Plan
	var errs []error
	for _, line := range p {
		undo, err := line.Undo()
		if err != nil {
			errs = append(errs, wrap(line.Op, err))
			continue
		}
		if undo != nil {
			missing = append(missing, line)
		}
	}
	return missing, errors.Join(errs...)
}
