package main

import "github.com/spf13/cobra"

func (a *app) attachCommand() *cobra.Command {
	var noStdin bool
	var stand standFlags
	c := &cobra.Command{
		Use:   "attach [OPTIONS] CONTAINER",
		Short: "Attach standard input, output and error to a running container",
		Long: `Attach standard input, output and error to a running container, and end as it
ends. What it wrote before is in its logs. A container with a terminal is left
alone by the keys ctrl-p ctrl-q, or --detach-keys.`,
		Example: "  minibridge attach web\n  minibridge attach --no-stdin --detach-keys ctrl-x,x web",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.tidied(c)
			if err != nil {
				return err
			}
			a.code, err = e.Attach(args[0], noStdin, stand.of(a.streams()))
			return err
		},
	}
	c.Flags().BoolVar(&noStdin, "no-stdin", false, "leave its standard input alone")
	stand.bindAll(c.Flags())
	return c
}
