package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) publishCommand() *cobra.Command {
	return a.portsCommand(&cobra.Command{
		Use:   "publish CONTAINER -p [[HOSTIP:][HOSTPORT]:]PORT[/PROTO]...",
		Short: "Publish more ports of a container",
		Long: `Publish more ports of a container: at once when it runs, else when it is
started. They are published again when it is started again. Of a running one it
prints where they are.`,
		Example: "  minibridge publish web -p 8081:8000\n" +
			"  minibridge publish web -p 9000-9099:9000-9099/udp",
	}, "port or range, as run takes it", func(c *cobra.Command, e *engine.Engine, container string, ports []string) error {
		if a.dryRun {
			return e.DryPublish(container, ports, a.out)
		}
		lines, err := e.Publish(c.Context(), container, ports)
		for _, line := range lines {
			fmt.Fprintln(a.out, line)
		}
		return err
	})
}

func (a *app) unpublishCommand() *cobra.Command {
	return a.portsCommand(&cobra.Command{
		Use:   "unpublish CONTAINER -p [[HOSTIP:][HOSTPORT]:]PORT[/PROTO]...",
		Short: "Take published ports of a container back",
		Long: `Take published ports of a container back: what was given to -p as it was given,
a range as a whole, a port that was chosen by its number. Connections that are
there already go on.`,
		Example: "  minibridge unpublish web -p 8000:8000",
	}, "port or range, as it was published", func(c *cobra.Command, e *engine.Engine, container string, ports []string) error {
		if a.dryRun {
			return e.DryUnpublish(container, ports, a.out)
		}
		return e.Unpublish(c.Context(), container, ports)
	})
}

// portsCommand makes a verb of c that says nothing without a port.
func (a *app) portsCommand(c *cobra.Command, usage string, do func(*cobra.Command, *engine.Engine, string, []string) error) *cobra.Command {
	var ports []string
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(ports) == 0 {
			return wrongCount(c, "See", "requires at least 1 port: -p")
		}
		e, err := a.tidied(c)
		if err != nil {
			return err
		}
		return a.progress.during(c.Name()+" "+args[0], func() error { return do(c, e, args[0], ports) })
	}
	c.Flags().VarP(&listValue{list: &ports}, "publish", "p", usage)
	return c
}
