package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

// A pruning is a verb that removes all of a kind that nobody needs, once it was
// asked whether it should.
type pruning struct {
	what    string // as the command calls them
	short   string
	warning string // before the question
	dry     func(*engine.Engine, engine.PruneOptions) error
	do      func(context.Context, *engine.Engine, engine.PruneOptions) error
}

func (a *app) pruneCommand(p pruning) *cobra.Command {
	var force bool
	var filters engine.Filters
	c := &cobra.Command{
		Use:   "prune [OPTIONS]",
		Short: p.short,
		Example: "  minibridge " + p.what + " prune -f\n" +
			"  minibridge " + p.what + " prune -f --filter until=24h --filter label!=keep",
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
				return p.dry(e, o)
			}
			if !force {
				if agreed, err := agrees(c.Context(), a.out, p.warning); err != nil || !agreed {
					return err
				}
			}
			return a.progress.during("prune", func() error { return p.do(c.Context(), e, o) })
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "don't ask")
	filterFlag(c.Flags(), &filters, "", "remove those with KEY=VALUE",
		"until (made before TIME)", "label", "label!")
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
