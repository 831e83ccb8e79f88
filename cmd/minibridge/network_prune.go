package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) networkPruneCommand() *cobra.Command {
	return a.pruneCommand(pruning{
		what:    "network",
		short:   "Remove all networks that nobody is on",
		warning: "WARNING! This will remove all custom networks not used by at least one container.",
		dry:     func(e *engine.Engine, o engine.PruneOptions) error { return e.DryPruneNetworks(o, a.out) },
		do: func(ctx context.Context, e *engine.Engine, o engine.PruneOptions) error {
			removed, err := e.PruneNetworks(ctx, o)
			if len(removed) > 0 {
				_, werr := fmt.Fprintf(a.out, "Deleted Networks:\n%s\n\n", strings.Join(removed, "\n"))
				err = errors.Join(err, werr)
			}
			return err
		},
	})
}
