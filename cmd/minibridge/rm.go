package main

import (
	"context"
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) rmCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:     "rm [OPTIONS] CONTAINER [CONTAINER...]",
		Aliases: []string{"remove"},
		Short:   "Remove containers",
		Example: "  minibridge rm -f web",
		Args:    atLeast(1),
		RunE: a.onMany(
			func(e *engine.Engine, refs []string) error { return e.DryKill(refs, "", a.out) },
			func(ctx context.Context, e *engine.Engine, ref string) error {
				if ref == "" {
					return &engine.Error{Text: "container name cannot be empty"}
				}
				err := e.Remove(ctx, ref, force)
				if force && errors.Is(err, fs.ErrNotExist) {
					a.report(err) // Docker says so, and takes it for success
					return nil
				}
				return a.named(ref, err)
			},
		),
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "kill those that run first; a missing one is no error")
	c.Flags().BoolP("volumes", "v", false, "remove anonymous volumes too, of which there are none here")
	return c
}
