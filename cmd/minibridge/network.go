package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) networkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "network",
		Short: "Manage networks",
		Args:  cobra.ArbitraryArgs,
		RunE:  helpUnasked,
	}
	c.AddCommand(a.networkCreateCommand(), a.networkLsCommand(), a.networkInspectCommand(), a.networkRmCommand(), a.networkPruneCommand())
	return c
}

func (a *app) networkLsCommand() *cobra.Command {
	var quiet, noTrunc bool
	c := &cobra.Command{
		Use:     "ls [OPTIONS]",
		Aliases: []string{"list"},
		Short:   "List networks",
		Example: "  minibridge network ls",
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			e, err := a.tidied(c)
			if err != nil {
				return err
			}
			all, err := e.Networks(c.Context())
			if err != nil {
				return err
			}
			if quiet {
				for _, n := range all {
					fmt.Fprintln(a.out, shortID(n.ID, noTrunc))
				}
				return nil
			}
			w := a.columns()
			fmt.Fprintln(w, "NETWORK ID\tNAME\tDRIVER\tSCOPE")
			for _, n := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\tlocal\n", shortID(n.ID, noTrunc), n.Name, n.Driver)
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "print ids only")
	c.Flags().BoolVar(&noTrunc, "no-trunc", false, "don't cut anything")
	return c
}

func (a *app) networkInspectCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:     "inspect [OPTIONS] NETWORK [NETWORK...]",
		Short:   "Print all there is to know of networks, as JSON",
		Example: "  minibridge network inspect bridge",
		Args:    atLeast(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.tidied(c)
			if err != nil {
				return err
			}
			return a.inspect(args, format, func(ref string) (any, error) { return e.InspectNetwork(c.Context(), ref) })
		},
	}
	formatFlag(c, &format)
	return c
}
