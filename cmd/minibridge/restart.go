package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) restartCommand() *cobra.Command {
	var o engine.StopOptions
	c := &cobra.Command{
		Use:   "restart [OPTIONS] CONTAINER [CONTAINER...]",
		Short: "Stop containers as stop does, and start them again",
		Long: `Stop containers as stop does, and start them again; those that don't run are
started. Containers that share the network of one are left in its old namespace,
which is empty then: restart them after it.`,
		Example: "  minibridge restart -t 2 web",
		Args:    atLeast(1),
		RunE: a.onMany(
			func(e *engine.Engine, refs []string) error { return e.DryRestart(refs, o, a.out) },
			func(ctx context.Context, e *engine.Engine, ref string) error {
				return a.named(ref, e.Restart(ctx, ref, o))
			},
		),
	}
	bindStop(c.Flags(), &o)
	return c
}
