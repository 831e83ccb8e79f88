package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

// A networkRow is a network as templates and JSON see it: Docker's fields, all
// of them text.
type networkRow struct {
	CreatedAt string
	Driver    string
	ID        string
	IPv4      string
	IPv6      string
	Internal  string
	Labels    string
	Name      string
	Scope     string
	labelled
}

var networkHead = networkRow{
	CreatedAt: "CREATED AT", Driver: "DRIVER", ID: "NETWORK ID", IPv4: "IPV4", IPv6: "IPV6",
	Internal: "INTERNAL", Labels: "LABELS", Name: "NAME", Scope: "SCOPE",
}

const networkColumns = `table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}`

func (a *app) networkLsCommand() *cobra.Command {
	var quiet, noTrunc bool
	var format string
	var filters engine.Filters
	c := &cobra.Command{
		Use:     "ls [OPTIONS]",
		Aliases: []string{"list"},
		Short:   "List networks",
		Example: "  minibridge network ls --filter type=custom\n" +
			"  minibridge network ls --format 'table {{.Name}}\\t{{.Internal}}'",
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			if quiet && (format == "" || format == "table") {
				format = "{{.ID}}"
			}
			f, err := newListFormat(format, networkColumns, badListTemplate)
			if err != nil {
				return err
			}
			e, err := a.onlooking(c)
			if err != nil {
				return err
			}
			all, err := e.ListNetworks(c.Context(), filters)
			if err != nil {
				return err
			}
			rows := make([]networkRow, len(all))
			for i, n := range all {
				rows[i] = rowOfNetwork(n, noTrunc)
			}
			return printList(a.out, f, networkHead, rows, badListTemplate)
		},
	}
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "print ids only")
	c.Flags().BoolVar(&noTrunc, "no-trunc", false, "don't cut anything")
	listFormatFlag(c.Flags(), &format)
	filterFlag(c.Flags(), &filters, "f", "list those with KEY=VALUE",
		"dangling", "driver", "id", "label", "name", "scope", "type")
	return c
}

func rowOfNetwork(n engine.ListedNetwork, whole bool) networkRow {
	return networkRow{
		CreatedAt: n.Created.String(), Driver: n.Driver, ID: shortID(n.ID, whole), Name: n.Name, Scope: "local",
		IPv4: strconv.FormatBool(n.IPv4), IPv6: strconv.FormatBool(n.IPv6), Internal: strconv.FormatBool(n.Internal),
		Labels: labelList(n.Labels), labelled: labelsOf(n.Labels),
	}
}

// labelList is all labels as one text.
func labelList(labels map[string]string) string {
	var all []string
	for key, value := range labels {
		all = append(all, key+"="+value)
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}
