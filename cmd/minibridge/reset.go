package main

import (
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) resetCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:     "reset [OPTIONS]",
		Short:   "Take down and forget all that minibridge made here",
		Example: "  minibridge reset -f",
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			e, err := a.engine()
			if err != nil {
				return err
			}
			if a.dryRun {
				return e.ScriptUndo(nil, a.out)
			}
			if !force {
				if err := confirm(); err != nil {
					return err
				}
			}
			return e.Reset(c.Context())
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "don't ask")
	return c
}

// confirm asks on a terminal. Elsewhere nobody could answer.
func confirm() error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return &engine.Error{Text: "reset removes all containers and networks, and asks for that on a terminal", Hint: "minibridge reset -f"}
	}
	if agrees(os.Stderr, "WARNING! This will remove all containers, networks, logs and rules of minibridge.") {
		return nil
	}
	return &engine.Error{Text: "nothing was removed"}
}
