package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/minibridge/minibridge/internal/engine"
)

//go:generate go run . reference markdown ../../docs/reference

// referenceCommand writes what help says as other kinds of pages: whoever packs
// or releases calls it.
func (a *app) referenceCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "reference man|markdown DIRECTORY",
		Short:  "Write the help of all commands as man pages, or as Markdown",
		Hidden: true,
		Args:   exactly(2),
		RunE: func(c *cobra.Command, args []string) error {
			day, err := today()
			if err != nil {
				return err
			}
			all := pages(c.Root())
			switch args[0] {
			case "man":
				return writePages(args[1], all, func(p page) (string, string) { return p.dashed() + ".8", p.man(day) })
			case "markdown":
				if err := writePages(args[1], all, func(p page) (string, string) { return p.dashed() + ".md", p.markdown() }); err != nil {
					return err
				}
				return os.WriteFile(filepath.Join(args[1], "README.md"), []byte(markdownIndex(all)), 0o644)
			}
			return &engine.Error{Text: fmt.Sprintf("unknown kind of pages %q: must be man or markdown", engine.Printable(args[0]))}
		},
	}
}

// today is the date on man pages: as the packagers say, that the same sources
// give the same bytes on any day (https://reproducible-builds.org/specs/source-date-epoch).
func today() (time.Time, error) {
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return time.Now(), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, &engine.Error{Text: fmt.Sprintf("SOURCE_DATE_EPOCH: %v", err)}
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func writePages(dir string, all []page, write func(page) (name, text string)) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, p := range all {
		name, text := write(p)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// A page is the help of a command in parts, for whoever writes it in another
// form.
type page struct {
	*cobra.Command
	lists []list
}

// A list is a group of commands or of flags.
type list struct {
	section string
	title   string
	entries []entry
}

// What lists are of; the title of one that has no other is the same.
const (
	commandSection = "Commands"
	optionSection  = "Options"
)

type entry struct {
	term string // as it is typed: -p, --publish list
	text string // what it is
	page string // of the command, as path; "" for a flag
}

// pages are those of a command and of all below it. The verbs that stand once
// more under container have theirs already.
func pages(c *cobra.Command) []page {
	all := []page{{c, append(commandLists(c), flagLists(c)...)}}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && !isTwin(sub) {
			all = append(all, pages(sub)...)
		}
	}
	return all
}

func isTwin(c *cobra.Command) bool {
	return c.Parent().HasParent() && slices.ContainsFunc(c.Root().Commands(), func(o *cobra.Command) bool {
		return o.Use == c.Use && o.Short == c.Short
	})
}

func (p page) dashed() string { return dashed(p.CommandPath()) }

func dashed(path string) string { return strings.ReplaceAll(path, " ", "-") }

// examples are lines as they are typed, without the blanks before them.
func (p page) examples() []string {
	if p.Example == "" {
		return nil
	}
	var all []string
	for line := range strings.Lines(p.Example) {
		all = append(all, strings.TrimSpace(line))
	}
	return all
}

// paragraphs are those of what a command is; one that is indented stands as it
// is, line by line.
func (p page) paragraphs() []string {
	return strings.Split(orElse(p.Long, p.Short), "\n\n")
}

func commandLists(c *cobra.Command) (all []list) {
	for _, title := range []string{containerGroup, networkGroup, ownGroup, ""} {
		l := list{commandSection, orElse(title, commandSection), nil}
		for _, sub := range c.Commands() {
			if sub.GroupID != title || !sub.IsAvailableCommand() {
				continue
			}
			of := sub.CommandPath()
			if isTwin(sub) {
				of = c.Root().Name() + " " + sub.Name()
			}
			l.entries = append(l.entries, entry{sub.Name(), sub.Short, of})
		}
		if len(l.entries) > 0 {
			all = append(all, l)
		}
	}
	return all
}

// flagLists are the groups of flags, in the order of help.
func flagLists(c *cobra.Command) (all []list) {
	for _, group := range flagGroups(c) {
		l := list{optionSection, group.title, nil}
		group.flags.VisitAll(func(f *pflag.Flag) {
			kind, text := pflag.UnquoteUsage(f)
			term := "--" + f.Name
			if f.Shorthand != "" {
				term = "-" + f.Shorthand + ", " + term
			}
			if kind != "" {
				term += " " + kind
			}
			l.entries = append(l.entries, entry{term: term, text: text + defaultOf(f)})
		})
		all = append(all, l)
	}
	return all
}

// defaultOf is a flag's default as help shows it.
func defaultOf(f *pflag.Flag) string {
	one := pflag.NewFlagSet("", pflag.ContinueOnError)
	one.AddFlag(f)
	_, text := pflag.UnquoteUsage(f)
	_, after, _ := strings.Cut(strings.TrimSuffix(one.FlagUsages(), "\n"), text)
	return after
}
