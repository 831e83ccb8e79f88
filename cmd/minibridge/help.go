package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/minibridge/minibridge/internal/engine"
)

// helpTemplate is Docker's order: usage, what it is, then examples, and the
// flags or commands in groups.
const helpTemplate = `Usage:  {{.UseLine}}

{{or .Long .Short}}
{{if .Aliases}}
Aliases:
  {{.CommandPath}}{{range .Aliases}}, {{$.Parent.CommandPath}} {{.}}{{end}}
{{end}}{{if .Example}}
Examples:
{{.Example}}
{{end}}{{commands .}}{{options .}}`

func init() {
	cobra.EnableCommandSorting = false // they stand in the order of a container's life
	cobra.AddTemplateFunc("commands", commandGroups)
	cobra.AddTemplateFunc("options", optionGroups)
}

// Groups of commands.
const (
	containerGroup = "Containers"
	networkGroup   = "Networks"
	ownGroup       = "Beyond Docker"
)

// commandGroups lists a command's subcommands.
func commandGroups(c *cobra.Command) string {
	var b strings.Builder
	for _, title := range []string{containerGroup, networkGroup, ownGroup, ""} {
		var list strings.Builder
		for _, sub := range c.Commands() {
			if sub.GroupID == title && sub.IsAvailableCommand() {
				fmt.Fprintf(&list, "  %-11s %s\n", sub.Name(), sub.Short)
			}
		}
		if list.Len() > 0 {
			fmt.Fprintf(&b, "\n%s:\n%s", orElse(title, commandSection), list.String())
		}
	}
	return b.String()
}

// helpWidth is a terminal's, in columns.
const helpWidth = 80

// groupKey is the annotation that holds a flag's group.
const groupKey = "group"

// A flagGroup is the flags of one title.
type flagGroup struct {
	title string
	flags *pflag.FlagSet
}

// flagGroups are a command's own flags; what every command takes stands with
// the root.
func flagGroups(c *cobra.Command) (all []flagGroup) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		title := orElse(strings.Join(f.Annotations[groupKey], ""), optionSection)
		i := slices.IndexFunc(all, func(g flagGroup) bool { return g.title == title })
		if i < 0 {
			i = len(all)
			all = append(all, flagGroup{title, pflag.NewFlagSet(title, pflag.ContinueOnError)})
			all[i].flags.SortFlags = false
		}
		all[i].flags.AddFlag(f)
	})
	return all
}

// optionGroups lists a command's flags.
func optionGroups(c *cobra.Command) string {
	var b strings.Builder
	for _, group := range flagGroups(c) {
		fmt.Fprintf(&b, "\n%s:\n%s", group.title, group.flags.FlagUsagesWrapped(helpWidth))
	}
	if c.HasParent() {
		fmt.Fprintf(&b, "\nBefore or after the command: --dry-run, -x and more; see '%s --help'\n", c.Root().Name())
	}
	return b.String()
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// group puts those of a command's flags that are in no group yet into one.
func group(flags *pflag.FlagSet, title string) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Annotations[groupKey] == nil {
			flags.SetAnnotation(f.Name, groupKey, []string{title})
		}
	})
}

// helpCommand is Docker's: another way to ask for --help.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "help [COMMAND]",
		Short:  "Help about a command",
		Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return &usageError{text: fmt.Sprintf("minibridge: unknown help topic: %s\n\nRun 'minibridge --help' for more information\n", engine.Printable(strings.Join(args, " "))), code: 1}
			}
			return about.Help()
		},
		ValidArgsFunction: func(c *cobra.Command, before []string, _ string) (names []string, _ cobra.ShellCompDirective) {
			if about, rest, err := c.Root().Find(before); err == nil && len(rest) == 0 {
				for _, sub := range about.Commands() {
					if sub.IsAvailableCommand() {
						names = append(names, sub.Name()+"\t"+sub.Short)
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// helpUnasked is help on standard error, as Docker prints it for a command
// that needs another one.
func helpUnasked(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownCommand(c, args[0])
	}
	c.SetOut(os.Stderr)
	return c.Help()
}

// dress gives every command the parts of the command line that all have.
func dress(c *cobra.Command) {
	c.DisableFlagsInUseLine = true // [OPTIONS] stands in Use where Docker has it
	c.Flags().SortFlags = false
	c.InitDefaultHelpFlag()
	if help := c.Flags().Lookup("help"); help != nil {
		help.Usage = "print this"
	}
	for _, sub := range c.Commands() {
		dress(sub)
	}
}
