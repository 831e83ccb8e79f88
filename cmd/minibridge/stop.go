package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) stopCommand() *cobra.Command {
	var o engine.StopOptions
	c := &cobra.Command{
		Use:     "stop [OPTIONS] CONTAINER [CONTAINER...]",
		Short:   "Stop running containers: a signal, then SIGKILL",
		Example: "  minibridge stop -t 2 web",
		Args:    atLeast(1),
		RunE: a.onMany(
			func(e *engine.Engine, refs []string) error { return e.DryStop(refs, o, a.out) },
			func(ctx context.Context, e *engine.Engine, ref string) error {
				return a.named(ref, e.Stop(ctx, ref, o))
			},
		),
	}
	bindStop(c.Flags(), &o)
	return c
}

func (a *app) killCommand() *cobra.Command {
	var sig string
	c := &cobra.Command{
		Use:     "kill [OPTIONS] CONTAINER [CONTAINER...]",
		Short:   "Send a signal to running containers",
		Example: "  minibridge kill -s HUP web",
		Args:    atLeast(1),
		RunE: a.onMany(
			func(e *engine.Engine, refs []string) error { return e.DryKill(refs, sig, a.out) },
			func(ctx context.Context, e *engine.Engine, ref string) error {
				return a.named(ref, e.Kill(ctx, ref, sig))
			},
		),
	}
	c.Flags().StringVarP(&sig, "signal", "s", "", "`signal` to send (default SIGKILL)")
	return c
}
