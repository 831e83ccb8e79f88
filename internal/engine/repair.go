package engine

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// A repair puts back what somebody has flushed or deleted. It goes by what is
// up: nothing comes back of what went down, and no network comes up that was
// not.
type repair struct {
	*session
	out      io.Writer
	networks []*state.Network // all of them
	what     string           // is being repaired, as a person calls it
	steps    int              // made so far
	broken   map[string]bool  // networks that could not be repaired, by id
	closed   bool             // the doors of host and networks are
}

// Repair puts back what the kernel lacks of the containers and networks named,
// or of all that is up, and writes a line for each step of that. What is as it
// should be is left alone. There is an error for each part that could not be
// repaired.
func (e *Engine) Repair(ctx context.Context, refs []string, out io.Writer) (errs []error) {
	s, err := e.enter(ctx, "repair")
	if err != nil {
		return []error{err}
	}
	defer func() {
		if err := s.unlock(); err != nil {
			errs = append(errs, err)
		}
	}()
	networks, err := s.networks()
	if err != nil {
		return []error{err}
	}
	up, err := s.whatIsUp(networks)
	if err != nil {
		errs = append(errs, err)
	}
	if len(refs) > 0 {
		if up, err = s.only(refs, networks, up); err != nil {
			return append(errs, err)
		}
	}
	r := &repair{session: s, out: out, networks: networks, broken: map[string]bool{}}
	s.put = r.tell
	errs = append(errs, r.all(ctx, up)...)
	if len(refs) == 0 && r.closed {
		r.what = "host"
		if _, err := s.forwardAgain(ctx); err != nil {
			errs = append(errs, fmt.Errorf("host: %w", err))
		}
	}
	s.put = nil
	if len(refs) > 0 {
		s.heed(ctx)
	} else {
		s.whole = len(errs) == 0
	}
	if len(errs) == 0 && r.steps == 0 {
		s.say("nothing is missing")
	}
	return errs
}

// longLine is how much of a command is told; -x tells all.
const longLine = 300

// tell writes what is put back, in one line.
func (r *repair) tell(step plan.Step) {
	if _, nothing := step.(*plan.Leave); nothing {
		return
	}
	r.steps++
	line, rest, more := strings.Cut(step.String(), "\n")
	if len(line) > longLine {
		line = line[:longLine] + "…"
	}
	if more {
		line += fmt.Sprintf(" … (%d commands)", 2+strings.Count(rest, "\n"))
	}
	fmt.Fprintf(r.out, "%s: %s\n", r.what, line)
}

// all repairs the host first, then the networks, then the containers: nothing
// is led anywhere before the doors are closed that should be.
func (r *repair) all(ctx context.Context, up *present) (errs []error) {
	if !up.host {
		return nil
	}
	r.what = "host"
	if err := r.upHost(ctx); err != nil {
		return []error{fmt.Errorf("host: %w", err)}
	}
	for _, n := range up.networks {
		r.what = "network " + n.Name
		err := r.upNetwork(ctx, n)
		if ctx.Err() != nil {
			return append(errs, context.Cause(ctx))
		}
		if err != nil {
			r.broken[n.ID] = true
			errs = append(errs, err)
		}
	}
	if r.steps > 0 {
		if err := flushUnmasked(up.networks); err != nil {
			errs = append(errs, err)
		}
	}
	r.closed = len(r.broken) == 0
	for _, run := range up.runs {
		r.what = "container " + run.Name
		err := r.container(ctx, run)
		if ctx.Err() != nil {
			return append(errs, context.Cause(ctx))
		}
		if err != nil {
			errs = append(errs, cantRepair(run, err))
		}
	}
	return errs
}
