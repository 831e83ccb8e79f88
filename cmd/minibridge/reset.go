package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) resetCommand() *cobra.Command {
	var force, keep bool
	c := &cobra.Command{
		Use:     "reset [OPTIONS]",
		Short:   "Take down and forget all that minibridge made here",
		Example: "  minibridge reset -f\n  minibridge reset -f --keep",
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			a.lastResort = true
			e, err := a.engine()
			if err != nil {
				return err
			}
			if a.dryRun {
				return e.ScriptUndo(nil, a.out)
			}
			if !force {
				if err := confirm(c.Context(), keep); err != nil {
					return err
				}
			}
			return a.progress.during("reset", func() error { return e.Reset(c.Context(), keep) })
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "don't ask")
	c.Flags().BoolVar(&keep, "keep", false, "leave definitions and logs: containers can be started again")
	return c
}

// confirm asks on a terminal. Elsewhere nobody could answer.
func confirm(ctx context.Context, keep bool) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return &engine.Error{Text: "reset removes all containers and networks, and asks for that on a terminal", Hint: "minibridge reset -f"}
	}
	will := "remove all containers, networks, logs and rules"
	if keep {
		will = "kill all containers, and take down all networks and rules"
	}
	agreed, err := agrees(ctx, os.Stderr, "WARNING! This will "+will+" of minibridge.")
	if err == nil && !agreed {
		return &engine.Error{Text: "nothing was removed"}
	}
	return err
}
