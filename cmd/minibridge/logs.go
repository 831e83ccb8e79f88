package main

import "github.com/spf13/cobra"

func (a *app) logsCommand() *cobra.Command {
	var timestamps bool
	c := &cobra.Command{
		Use:     "logs [OPTIONS] CONTAINER",
		Short:   "Print what a container wrote",
		Example: "  minibridge logs -t web",
		Args:    exactly(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := checkRef(args[0]); err != nil {
				return err
			}
			e, err := a.engine()
			if err != nil {
				return err
			}
			return e.Logs(args[0], timestamps, streams())
		},
	}
	c.Flags().BoolVarP(&timestamps, "timestamps", "t", false, "begin each line with its time")
	return c
}
