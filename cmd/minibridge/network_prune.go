package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) networkPruneCommand() *cobra.Command {
	var force bool
	var filters engine.Filters
	c := &cobra.Command{
		Use:   "prune [OPTIONS]",
		Short: "Remove all networks that nobody is on",
		Example: "  minibridge network prune -f\n" +
			"  minibridge network prune -f --filter until=24h --filter label!=keep",
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
				return e.DryPruneNetworks(o, a.out)
			}
			if !force && !agrees(a.out, "WARNING! This will remove all custom networks not used by at least one container.") {
				return nil
			}
			removed, err := e.PruneNetworks(c.Context(), o)
			if len(removed) > 0 {
				_, werr := fmt.Fprintf(a.out, "Deleted Networks:\n%s\n\n", strings.Join(removed, "\n"))
				err = errors.Join(err, werr)
			}
			return err
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "don't ask")
	filterFlag(c.Flags(), &filters, "", "remove those with KEY=VALUE",
		"until (made before a time)", "label", "label!")
	return c
}

// pruneOptions takes the time out of the filters.
func pruneOptions(filters engine.Filters) (o engine.PruneOptions, err error) {
	until := filters["until"]
	delete(filters, "until")
	o.Filters = filters
	switch len(until) {
	case 0:
		return o, nil
	case 1:
		if o.Until, err = parseTime(until[0], time.Now()); err != nil {
			err = &engine.Error{Text: err.Error()}
		}
		return o, err
	}
	return o, &engine.Error{Text: "more than one until filter specified"}
}
