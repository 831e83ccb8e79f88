package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) renameCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rename CONTAINER NEW_NAME",
		Short: "Rename a container",
		Long: `Rename a container, running or not: its network namespace too, and on a network
that people made its peers find it by the new name at once.`,
		Example: "  minibridge rename web app",
		Args:    exactly(2),
		RunE: func(c *cobra.Command, args []string) error {
			if args[0] == "" || args[1] == "" {
				return &engine.Error{Text: "Neither old nor new names may be empty"}
			}
			e, err := a.tidied(c)
			if err != nil {
				return err
			}
			if a.dryRun {
				return e.DryRename(args[0], args[1], a.out)
			}
			if err := e.Rename(c.Context(), args[0], args[1]); err != nil {
				a.report(err)
				return &engine.Error{Text: "failed to rename container named " + args[0], Err: context.Cause(c.Context())}
			}
			return nil
		},
	}
}
