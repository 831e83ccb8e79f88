package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"
)

func (a *app) networkRmCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:     "rm NETWORK [NETWORK...]",
		Aliases: []string{"remove"},
		Short:   "Remove networks that nobody is on",
		Example: "  minibridge network rm lab",
		Args:    atLeast(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.tidied(c)
			if err != nil {
				return err
			}
			if a.dryRun {
				return e.DryRemoveNetworks(args, a.out)
			}
			return a.all(args, func(ref string) error {
				err := e.RemoveNetwork(c.Context(), ref)
				if force && errors.Is(err, fs.ErrNotExist) {
					return nil
				}
				if err == nil {
					_, err = fmt.Fprintln(a.out, ref)
				}
				return err
			})
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "a missing network is no error")
	return c
}
