package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) rmCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:     "rm [OPTIONS] CONTAINER [CONTAINER...]",
		Short:   "Remove containers",
		Example: "  minibridge rm -f web",
		Args:    atLeast(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.tidied(c)
			if err != nil {
				return err
			}
			if a.dryRun {
				return e.DryEnd(args, "", "KILL", a.out)
			}
			return a.all(args, func(ref string) error {
				if ref == "" {
					return &engine.Error{Text: "container name cannot be empty"}
				}
				err := e.Remove(c.Context(), ref, force)
				if force && errors.Is(err, fs.ErrNotExist) {
					a.report(err) // Docker says so, and takes it for success
					return nil
				}
				if err == nil {
					fmt.Fprintln(a.out, ref)
				}
				return err
			})
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "kill those that run first; a missing one is no error")
	return c
}
