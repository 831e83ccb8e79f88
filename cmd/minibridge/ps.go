package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

// A containerRow is a container as templates and JSON see it: Docker's fields,
// all of them text. What is about images and volumes is empty.
type containerRow struct {
	Command      string
	CreatedAt    string
	ID           string
	Image        string
	Labels       string
	LocalVolumes string
	Mounts       string
	Names        string
	Networks     string
	Platform     *string
	Ports        string
	RunningFor   string
	Size         string
	State        string
	Status       string
	labelled
}

var (
	platformWord  = "PLATFORM"
	containerHead = containerRow{
		Command: "COMMAND", CreatedAt: "CREATED AT", ID: "CONTAINER ID", Image: "IMAGE", Labels: "LABELS",
		LocalVolumes: "LOCAL VOLUMES", Mounts: "MOUNTS", Names: "NAMES", Networks: "NETWORKS", Platform: &platformWord,
		Ports: "PORTS", RunningFor: "CREATED", Size: "SIZE", State: "STATE", Status: "STATUS",
	}
)

const containerColumns = `table {{.ID}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}`

// psFlags are the flags of ps as they were typed.
type psFlags struct {
	engine.ListOptions
	quiet   bool
	noTrunc bool
	latest  bool
	format  string
}

func (a *app) psCommand(name string, aliases ...string) *cobra.Command {
	f := &psFlags{}
	c := &cobra.Command{
		Use:     name + " [OPTIONS]",
		Aliases: aliases,
		Short:   "List containers",
		Example: "  minibridge ps -a --filter status=exited\n" +
			"  minibridge ps --format 'table {{.Names}}\\t{{.Networks}}\\t{{.Ports}}'\n" +
			"  minibridge ps -q --no-trunc",
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return a.ps(c, f) },
	}
	flags := c.Flags()
	flags.BoolVarP(&f.All, "all", "a", false, "show all containers, not only those that run")
	flags.IntVarP(&f.Last, "last", "n", -1, "show the last `number` made, whether they run or not")
	flags.BoolVarP(&f.latest, "latest", "l", false, "show the last one made, whether it runs or not")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print ids only")
	flags.BoolVar(&f.noTrunc, "no-trunc", false, "don't cut anything")
	flags.BoolVarP(&f.Sizes, "size", "s", false, "show how much each has written to its files")
	listFormatFlag(flags, &f.format)
	filterFlag(flags, &f.Filters, "f", "list those with KEY=VALUE",
		"id", "name", "label", "status", "exited", "before", "since", "network", "publish", "expose", "volume")
	return c
}

func (a *app) ps(c *cobra.Command, f *psFlags) error {
	if f.latest && f.Last < 0 {
		f.Last = 1
	}
	format, err := f.listFormat()
	if err != nil {
		return err
	}
	e, err := a.onlooking(c)
	if err != nil {
		return err
	}
	list, err := e.List(f.ListOptions)
	if list == nil {
		return err
	}
	rows := make([]containerRow, len(list))
	for i, one := range list {
		rows[i] = f.row(one)
	}
	const bad = "failed to execute template"
	if len(rows) == 0 { // docker ps says what is wrong with it all the same
		if terr := format.template.Execute(io.Discard, containerHead); terr != nil {
			return &engine.Error{Text: bad + ": " + templateText(terr)}
		}
	}
	return errors.Join(err, printList(a.out, format, containerHead, rows, bad))
}

// listFormat is what --quiet, --size and --format come to.
func (f *psFlags) listFormat() (*listFormat, error) {
	usual := containerColumns
	if f.Sizes {
		usual += `\t{{.Size}}`
	}
	if f.quiet {
		if f.format != "" && f.format != "table" {
			os.Stderr.WriteString("WARNING: Ignoring custom format, because both --format and --quiet are set.\n")
		}
		f.format = "{{.ID}}"
	}
	f.Sizes = f.Sizes || strings.Contains(f.format, ".Size")
	return newListFormat(f.format, usual, "failed to parse template")
}

// Docker's widths of what a list cuts, in characters.
const (
	maxCommand = 20
	maxMount   = 15
)

func (f *psFlags) row(one engine.Listed) containerRow {
	command, mounts := one.CommandLine(), one.Mounts
	if !f.noTrunc {
		command = ellipsis(command, maxCommand)
		for i, m := range mounts {
			mounts[i] = ellipsis(m, maxMount)
		}
	}
	return containerRow{
		Command:      strconv.Quote(command),
		CreatedAt:    time.Unix(one.Created.Unix(), 0).String(),
		ID:           shortID(one.ID, f.noTrunc),
		Labels:       labelList(one.Labels),
		LocalVolumes: "0",
		Mounts:       strings.Join(mounts, ","),
		Names:        one.Name,
		Networks:     strings.Join(one.Networks, ","),
		Ports:        one.Ports,
		RunningFor:   fmt.Sprintf("%s ago", units.HumanDuration(time.Since(one.Created))),
		Size:         units.HumanSizeWithPrecision(float64(one.Size), 3),
		State:        one.State,
		Status:       one.Status,
		labelled:     labelsOf(one.Labels),
	}
}

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
