package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

// onMany is the body of a verb that takes several containers or networks: on a
// machine in order, one after the other, or all of them dry.
func (a *app) onMany(dry func(*engine.Engine, []string) error, do func(context.Context, *engine.Engine, string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		e, err := a.tidied(c)
		if err != nil {
			return err
		}
		if a.dryRun {
			return dry(e, args)
		}
		return a.all(args, func(ref string) error {
			return a.progress.during(c.Name()+" "+ref, func() error { return do(c.Context(), e, ref) })
		})
	}
}

// named says whom something was done for, unless it failed.
func (a *app) named(ref string, err error) error {
	if err == nil {
		_, err = fmt.Fprintln(a.out, ref)
	}
	return err
}

// all does one thing for each argument, whatever became of the others.
func (a *app) all(args []string, do func(string) error) error {
	var failed []error
	for _, arg := range args {
		if err := do(arg); err != nil {
			failed = append(failed, err)
		}
	}
	return a.last(failed)
}

// last is the last of several errors. All others are reported here.
func (a *app) last(failed []error) error {
	for i, err := range failed {
		if i == len(failed)-1 {
			return err
		}
		a.report(err)
	}
	return nil
}
