package engine

import (
	"fmt"
	"io"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// DryRepair writes what Repair would do, as a script.
func (e *Engine) DryRepair(refs []string, out io.Writer) (errs []error) {
	networks, err := e.dirs.Networks()
	if err != nil {
		return []error{err}
	}
	up, err := e.whatIsUp(networks)
	if err != nil {
		errs = append(errs, err)
	}
	if len(refs) > 0 {
		if up, err = e.only(refs, networks, up); err != nil {
			return append(errs, err)
		}
	}
	fmt.Fprint(out, e.scriptHead())
	if !up.host {
		return errs
	}
	write := func(what string, p plan.Plan) error {
		missing, err := plan.Drift(p)
		if len(missing) > 0 {
			fmt.Fprintf(out, "\n# --- %s\n%s", what, missing)
		}
		return err
	}
	host6, err := e.sharedPlan6(up.networks...)
	if err == nil {
		err = write("the host", append(e.sharedPlan(), host6...))
	}
	if err != nil {
		return append(errs, err)
	}
	for _, n := range up.networks {
		if err := write("network "+n.Name, e.networkPlan(n)); err != nil {
			errs = append(errs, fmt.Errorf("network %s: %w", n.Name, err))
		}
	}
	for _, run := range up.runs {
		p, err := e.keptPlan(run, networks)
		if err == nil {
			err = write("container "+run.Name, p)
		}
		if err != nil {
			errs = append(errs, cantRepair(run, err))
		}
	}
	if len(errs) > 0 { // some doors may stay open
		return errs
	}
	if err := write("the host, a router again", append(routerPlan(), routerPlan6(up.networks...)...)); err != nil {
		errs = append(errs, err)
	}
	return errs
}

// keptPlan is all of a running container's own. Without the name of its
// namespace, nobody can look inside.
func (e *Engine) keptPlan(run *state.Run, networks []*state.Network) (plan.Plan, error) {
	if run.Netns == "" {
		return nil, nil
	}
	p, err := e.keptSandbox(run)
	if err != nil {
		return nil, err
	}
	if undo, err := p[0].Undo(); err != nil || undo != nil {
		return append(p[:1], e.publishPlan(run, networks)...), err
	}
	for _, at := range run.Wired() {
		endpoint, err := e.keptEndpoint(run, at, networks)
		if err != nil {
			return nil, err
		}
		p = append(p, endpoint...)
	}
	p = append(p, e.wayPlan(run, &state.Run{})...)
	return append(p, e.publishPlan(run, networks)...), nil
}
