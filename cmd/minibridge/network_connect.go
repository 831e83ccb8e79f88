package main

import (
	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) networkConnectCommand() *cobra.Command {
	var w engine.Wish
	var driverOpts []string
	c := &cobra.Command{
		Use:   "connect [OPTIONS] NETWORK CONTAINER",
		Short: "Connect a container to a network",
		Long: `Connect a container to a network: at once when it runs, else when it is started.
A running one gets one more link, and its name on that network; its default
route and its published ports move when the new network comes first.`,
		Example: "  minibridge network connect back web\n" +
			"  minibridge network connect --ip 10.10.9.5 --alias store back web",
		Args: exactly(2),
		RunE: func(c *cobra.Command, args []string) error {
			w.Network = args[0]
			for _, opt := range driverOpts {
				if err := addDriverOpt(&w, opt); err != nil {
					return &engine.Error{Text: "invalid key/value pair format in driver options"}
				}
			}
			e, err := a.tidied(c)
			if err != nil {
				return err
			}
			if a.dryRun {
				return e.DryConnect(args[1], w, a.out)
			}
			return e.Connect(c.Context(), args[1], w)
		},
	}
	flags := c.Flags()
	flags.StringVar(&w.IP, "ip", "", "IPv4 `address` of the container there, on a network with a subnet of one's own")
	flags.StringVar(&w.IP6, "ip6", "", "IPv6 `address` of the container there")
	flags.Var(&listValue{list: &w.Aliases}, "alias", "one more name for the container there")
	flags.Var(&listValue{list: &driverOpts}, "driver-opt", "option of the endpoint, as KEY=VALUE")
	flags.Var(&listValue{check: noLinkLocal}, "link-local-ip", "")
	flags.MarkHidden("link-local-ip") // it says why there is none
	flags.IntVar(&w.Priority, "gw-priority", 0, "the network with the highest `number` gives the default route")
	return c
}

func (a *app) networkDisconnectCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:     "disconnect [OPTIONS] NETWORK CONTAINER",
		Short:   "Disconnect a container from a network",
		Example: "  minibridge network disconnect back web",
		Args:    exactly(2),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.tidied(c)
			if err != nil {
				return err
			}
			if a.dryRun {
				return e.DryDisconnect(args[0], args[1], a.out)
			}
			return e.Disconnect(c.Context(), args[0], args[1], force)
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "a container that is missing is one that is not connected")
	return c
}
