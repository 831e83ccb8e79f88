package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func (a *app) topCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "top CONTAINER [ps OPTIONS]",
		Short: "List the processes of a container",
		Long: `List the processes of a container, as ps on this machine sees them: with the
numbers that they have out here. The options are those of ps (-ef unless some
are given), of which the columns have to have PID.`,
		Example: "  minibridge top web\n  minibridge top web -o pid,ppid,args",
		Args:    atLeast(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.tidied(c)
			if err != nil {
				return err
			}
			t, err := e.Top(c.Context(), args[0], args[1:])
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(a.out, 20, 1, 3, ' ', 0) // Docker's widths
			fmt.Fprintln(w, strings.Join(t.Titles, "\t"))
			for _, row := range t.Rows {
				fmt.Fprintln(w, strings.Join(row, "\t"))
			}
			return w.Flush()
		},
	}
	c.Flags().SetInterspersed(false) // what follows is for ps
	return c
}
