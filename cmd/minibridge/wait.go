package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) waitCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "wait CONTAINER [CONTAINER...]",
		Short:   "Wait until containers have ended, and print their exit codes",
		Example: "  minibridge wait web",
		Args:    atLeast(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.tidied(c)
			if err != nil {
				return err
			}
			return a.all(args, func(ref string) error {
				code, err := e.Wait(c.Context(), ref)
				if err == nil {
					fmt.Fprintln(a.out, code)
				}
				return err
			})
		},
	}
}
