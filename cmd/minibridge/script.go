package main

import (
	"github.com/spf13/cobra"
)

func (a *app) scriptCommand() *cobra.Command {
	var undo bool
	c := &cobra.Command{
		Use:   "script [OPTIONS] [CONTAINER...]",
		Short: "Print what is up as a script of plain commands",
		Long: `Print the present state as a script of plain commands, which makes the same of a
clean machine; or with --undo, what takes it all down on this one.`,
		Example: `  minibridge script > rebuild.sh
  minibridge script --undo web`,
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.onlooking(c)
			if err != nil {
				return err
			}
			if undo {
				return e.ScriptUndo(args, a.out)
			}
			return e.Script(args, a.out)
		},
	}
	c.Flags().BoolVar(&undo, "undo", false, "print what takes it all down instead")
	return c
}
