package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) containerPruneCommand() *cobra.Command {
	var force bool
	var filters engine.Filters
	c := &cobra.Command{
		Use:   "prune [OPTIONS]",
		Short: "Remove all containers that don't run",
		Example: "  minibridge container prune -f\n" +
			"  minibridge container prune -f --filter until=24h --filter label!=keep",
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := pruneOptions(filters)
			if err != nil {
				return err
			}
			e, err := a.engine()
			if err != nil {
				return err
			}
			if a.dryRun {
				return e.DryPrune(o, a.out)
			}
			if !force && !agrees(a.out, "WARNING! This will remove all stopped containers.") {
				return nil
			}
			removed, size, err := e.Prune(c.Context(), o)
			if len(removed) > 0 {
				fmt.Fprintf(a.out, "Deleted Containers:\n%s\n\n", strings.Join(removed, "\n"))
			}
			if err == nil || len(removed) > 0 {
				_, werr := fmt.Fprintf(a.out, "Total reclaimed space: %s\n", units.HumanSize(float64(size)))
				err = errors.Join(err, werr)
			}
			return err
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "don't ask")
	filterFlag(c.Flags(), &filters, "", "remove those with KEY=VALUE",
		"until (made before TIME)", "label", "label!")
	return c
}
