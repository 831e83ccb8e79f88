package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) portCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "port CONTAINER [PRIVATE_PORT[/PROTO]]",
		Short:   "List the published ports of a container",
		Example: "  minibridge port web 8000/tcp",
		Args:    between(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.onlooking(c)
			if err != nil {
				return err
			}
			lines, err := e.Ports(args[0], append(args, "")[1])
			for _, line := range lines {
				fmt.Fprintln(a.out, a.out.terminal().paintNetwork(line))
			}
			return err
		},
	}
}
