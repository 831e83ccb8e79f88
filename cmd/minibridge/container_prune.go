package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) containerPruneCommand() *cobra.Command {
	return a.pruneCommand(pruning{
		what:    "container",
		short:   "Remove all containers that don't run",
		warning: "WARNING! This will remove all stopped containers.",
		dry:     func(e *engine.Engine, o engine.PruneOptions) error { return e.DryPrune(o, a.out) },
		do: func(ctx context.Context, e *engine.Engine, o engine.PruneOptions) error {
			removed, size, err := e.Prune(ctx, o)
			if len(removed) > 0 {
				fmt.Fprintf(a.out, "Deleted Containers:\n%s\n\n", strings.Join(removed, "\n"))
			}
			if err == nil || len(removed) > 0 {
				_, werr := fmt.Fprintf(a.out, "Total reclaimed space: %s\n", units.HumanSize(float64(size)))
				err = errors.Join(err, werr)
			}
			return err
		},
	})
}
