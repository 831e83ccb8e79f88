package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check whether this kernel can do all that is needed",
		Long: `Check whether this machine can do all that minibridge needs. Everything is tried
in namespaces that are thrown away; the exit code is 0 when all is well, else 1.`,
		Example: "  minibridge check",
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			e, err := a.anybodysEngine()
			if err != nil {
				return err
			}
			a.interrupts.hold(true) // what it tries, it takes down
			found := e.Check(c.Context())
			a.interrupts.hold(false)
			var table strings.Builder
			w := columns(&table)
			for _, r := range found {
				fmt.Fprintf(w, "%s\t%s\t%s\n", r.Verdict, r.What, r.Detail)
				if !r.OK() {
					a.code = 1
				}
			}
			if err := w.Flush(); err != nil {
				return err
			}
			t := a.out.terminal()
			for line := range strings.Lines(table.String()) {
				verdict, found, _ := strings.Cut(line, " ")
				if err := a.out.write(t.paintState(verdict) + " " + t.paintNetwork(found)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
