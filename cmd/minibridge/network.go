package main

import "github.com/spf13/cobra"

func (a *app) networkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "network",
		Short: "Manage networks",
		Args:  cobra.ArbitraryArgs,
		RunE:  helpUnasked,
	}
	c.AddCommand(a.networkConnectCommand(), a.networkCreateCommand(), a.networkDisconnectCommand(), a.networkLsCommand(), a.networkInspectCommand(), a.networkRmCommand(), a.networkPruneCommand())
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
			e, err := a.onlooking(c)
			if err != nil {
				return err
			}
			return a.inspect(args, format, func(ref string) (any, error) { return e.InspectNetwork(c.Context(), ref) })
		},
	}
	formatFlag(c, &format)
	c.Flags().BoolP("verbose", "v", false, "say more of a swarm's networks: there are none")
	return c
}
