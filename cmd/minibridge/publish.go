package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) publishCommand() *cobra.Command {
	var ports []string
	c := &cobra.Command{
		Use:   "publish CONTAINER -p [[HOSTIP:][HOSTPORT]:]PORT[/PROTO]...",
		Short: "Publish more ports of a container",
		Long: `Publish more ports of a container: at once when it runs, else when it is
started. They are published again when it is started again. Of a running one it
prints where they are.`,
		Example: "  minibridge publish web -p 8081:8000\n" +
			"  minibridge publish web -p 9000-9099:9000-9099/udp",
		Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.portsEngine(c, ports)
			if err != nil {
				return err
			}
			if a.dryRun {
				return e.DryPublish(args[0], ports, a.out)
			}
			lines, err := e.Publish(c.Context(), args[0], ports)
			for _, line := range lines {
				fmt.Fprintln(a.out, line)
			}
			return err
		},
	}
	c.Flags().VarP(&listValue{list: &ports}, "publish", "p", "port or range, as run takes it")
	return c
}

func (a *app) unpublishCommand() *cobra.Command {
	var ports []string
	c := &cobra.Command{
		Use:   "unpublish CONTAINER -p [[HOSTIP:][HOSTPORT]:]PORT[/PROTO]...",
		Short: "Take published ports of a container back",
		Long: `Take published ports of a container back: what was given to -p as it was given,
a range as a whole, a port that was chosen by its number. Connections that are
there already go on.`,
		Example: "  minibridge unpublish web -p 8000:8000",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.portsEngine(c, ports)
			if err != nil {
				return err
			}
			if a.dryRun {
				return e.DryUnpublish(args[0], ports, a.out)
			}
			return e.Unpublish(c.Context(), args[0], ports)
		},
	}
	c.Flags().VarP(&listValue{list: &ports}, "publish", "p", "port or range, as it was published")
	return c
}

// portsEngine is the engine for a verb that says nothing without a port.
func (a *app) portsEngine(c *cobra.Command, ports []string) (*engine.Engine, error) {
	if len(ports) == 0 {
		return nil, wrongCount(c, "See", "requires at least 1 port: -p")
	}
	return a.engine()
}
