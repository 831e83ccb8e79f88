package main

import (
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) psCommand(name string, aliases ...string) *cobra.Command {
	var all, quiet, noTrunc bool
	c := &cobra.Command{
		Use:     name + " [OPTIONS]",
		Aliases: aliases,
		Short:   "List containers",
		Example: "  minibridge ps -a\n  minibridge ps -q --no-trunc",
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			e, err := a.tidied(c)
			if err != nil {
				return err
			}
			list, err := e.List(all)
			if quiet {
				for _, one := range list {
					fmt.Fprintln(a.out, shortID(one.ID, noTrunc))
				}
				return err
			}
			a.printContainers(list, noTrunc)
			return err
		},
	}
	c.Flags().BoolVarP(&all, "all", "a", false, "show all containers, not only those that run")
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "print ids only")
	c.Flags().BoolVar(&noTrunc, "no-trunc", false, "don't cut anything")
	return c
}

// columns is a table as Docker's: three spaces between columns, none narrower
// than ten.
func (a *app) columns() *tabwriter.Writer { return tabwriter.NewWriter(a.out, 10, 1, 3, ' ', 0) }

func (a *app) printContainers(list []engine.Listed, noTrunc bool) {
	w := a.columns()
	defer w.Flush()
	fmt.Fprintln(w, "CONTAINER ID\tCOMMAND\tCREATED\tSTATUS\tPORTS\tNAMES")
	for _, one := range list {
		command := one.CommandLine()
		if !noTrunc {
			command = ellipsis(command, maxCommand)
		}
		fmt.Fprintf(w, "%s\t%s\t%s ago\t%s\t%s\t%s\n", shortID(one.ID, noTrunc), strconv.Quote(command),
			units.HumanDuration(time.Since(one.Created)), one.Status, one.Ports, one.Name)
	}
}

// maxCommand is how many characters of a command a list shows.
const maxCommand = 20

// ellipsis cuts a text to n characters, the last of which says so.
func ellipsis(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// shortID is an id as people type it, or all of it.
func shortID(id string, whole bool) string {
	if whole {
		return id
	}
	return id[:min(12, len(id))]
}
