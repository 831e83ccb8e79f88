package main

import (
	"github.com/spf13/cobra"
)

func (a *app) repairCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "repair [CONTAINER|NETWORK...]",
		Short: "Put back what was flushed or deleted of what is up",
		Long: `Put back what is missing in the kernel of what is up: rules after a flush, a
bridge, a cable, an address, a route, a setting. What is as it should be is left
alone, connections through it go on. Without names, all that minibridge has up;
a container comes with its networks, a network with the containers on it.

One line is printed for each step; the exit code is 1 when something can't be
repaired.`,
		Example: `  minibridge repair
  minibridge --dry-run repair
  minibridge repair web bridge`,
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.engine()
			if err != nil {
				return err
			}
			if a.dryRun {
				return a.last(e.DryRepair(args, a.out))
			}
			return a.progress.during("repair", func() error { return a.last(e.Repair(c.Context(), args, a.out)) })
		},
	}
}
