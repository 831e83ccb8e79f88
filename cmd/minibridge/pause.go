package main

import (
	"context"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/spf13/cobra"
)

func (a *app) pauseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pause CONTAINER [CONTAINER...]",
		Short: "Stop all processes of containers where they are",
		Long: `Stop all processes of containers where they are, until unpause. Their networks
stay: connections wait. It takes a cgroup file system with the freezer: any of
version 2 has it. stop, kill, restart and rm -f let a container go on.`,
		Example: "  minibridge pause web && minibridge unpause web",
		Args:    atLeast(1),
		RunE: a.onMany(
			func(e *engine.Engine, refs []string) error { return e.DryPause(refs, a.out) },
			func(ctx context.Context, e *engine.Engine, ref string) error { return a.named(ref, e.Pause(ctx, ref)) },
		),
	}
}

func (a *app) unpauseCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "unpause CONTAINER [CONTAINER...]",
		Short:   "Let paused containers go on",
		Example: "  minibridge pause web && minibridge unpause web",
		Args:    atLeast(1),
		RunE: a.onMany(
			func(e *engine.Engine, refs []string) error { return e.DryUnpause(refs, a.out) },
			func(ctx context.Context, e *engine.Engine, ref string) error {
				return a.named(ref, e.Unpause(ctx, ref))
			},
		),
	}
}
