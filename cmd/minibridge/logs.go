package main

import "github.com/spf13/cobra"

func (a *app) logsCommand() *cobra.Command {
	var timestamps bool
	c := &cobra.Command{
		Use:     "logs [OPTIONS] CONTAINER",
		Short:   "Print what a container wrote",
		Example: "  minibridge logs -t web",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.tidied(c)
			if err != nil {
				return err
			}
			streams := a.streams()
			streams.Out = a.out
			return e.Logs(args[0], timestamps, streams)
		},
	}
	c.Flags().BoolVarP(&timestamps, "timestamps", "t", false, "begin each line with its time")
	return c
}
