package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) networkRmCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:     "rm [OPTIONS] NETWORK [NETWORK...]",
		Aliases: []string{"remove"},
		Short:   "Remove networks that nobody is on",
		Example: "  minibridge network rm lab",
		Args:    atLeast(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.engine()
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

func (a *app) networkPruneCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:     "prune [OPTIONS]",
		Short:   "Remove all networks that nobody is on",
		Example: "  minibridge network prune -f",
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			e, err := a.engine()
			if err != nil {
				return err
			}
			if a.dryRun {
				return e.DryRemoveNetworks(nil, a.out)
			}
			if !force && !agrees(a.out, "WARNING! This will remove all custom networks not used by at least one container.") {
				return nil
			}
			removed, err := e.PruneNetworks(c.Context())
			if len(removed) > 0 {
				_, werr := fmt.Fprintf(a.out, "Deleted Networks:\n%s\n\n", strings.Join(removed, "\n"))
				err = errors.Join(err, werr)
			}
			return err
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "don't ask")
	return c
}
