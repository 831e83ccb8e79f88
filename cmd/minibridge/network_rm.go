package main

import (
	"context"
	"errors"
	"io/fs"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/spf13/cobra"
)

func (a *app) networkRmCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:     "rm NETWORK [NETWORK...]",
		Aliases: []string{"remove"},
		Short:   "Remove networks that nobody is on",
		Example: "  minibridge network rm lab",
		Args:    atLeast(1),
		RunE: a.onMany(
			func(e *engine.Engine, refs []string) error { return e.DryRemoveNetworks(refs, a.out) },
			func(ctx context.Context, e *engine.Engine, ref string) error {
				err := e.RemoveNetwork(ctx, ref)
				if force && errors.Is(err, fs.ErrNotExist) {
					return nil
				}
				return a.named(ref, err)
			},
		),
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "a missing network is no error")
	return c
}
