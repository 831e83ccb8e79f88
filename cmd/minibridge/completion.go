package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) completionCommand() *cobra.Command {
	var shells []string
	for _, s := range completionShells {
		shells = append(shells, s.name)
	}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print the script that completes words in bash, zsh or fish",
		Long: `Print the script that completes words in bash, zsh or fish: commands, flags,
their values, and the names of containers and networks, which are root's to see.

bash has it from bash-completion's folder, or at once by
  source <(minibridge completion bash)
zsh from any folder of its fpath, as _minibridge; and fish by
  minibridge completion fish | source`,
		Example: "  minibridge completion bash >minibridge.bash\n" +
			"  minibridge completion zsh >_minibridge\n" +
			"  minibridge completion fish >minibridge.fish",
		Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			i := slices.Index(shells, args[0])
			if i < 0 {
				return &engine.Error{Text: fmt.Sprintf("unknown shell %q: must be %s", engine.Printable(args[0]), strings.Join(shells, ", "))}
			}
			script, err := completionShells[i].script(c.Root())
			if err != nil {
				return err
			}
			return a.out.write(script)
		},
		ValidArgs: shells,
	}
}

// A completer gives what may stand where a word is begun. It is asked while a
// person types: it waits for nobody, changes nothing, and what it can't read
// (records are root's) it leaves out.
type completer func(a *app, c *cobra.Command, before []string, begun string) []string

// arguments complete the words of usage lines. What is not here is made up by
// the person, or a file where it may be anything (ARG).
var arguments = map[string]completer{
	"CONTAINER":         containers,
	"NETWORK":           networks,
	"CONTAINER|NETWORK": objects,
	"NAME|ID":           objects,
	"COMMAND":           programs,
}

// completeWords has every command complete its arguments and flags. Only a call
// for completion needs that.
func (a *app) completeWords(c *cobra.Command) {
	for _, sub := range c.Commands() {
		a.completeWords(sub)
	}
	a.completeArguments(c)
	a.completeValues(c)
}

// completeArguments completes what the usage line says.
func (a *app) completeArguments(c *cobra.Command) {
	if c.HasSubCommands() || c.ValidArgs != nil || c.ValidArgsFunction != nil {
		return
	}
	c.ValidArgsFunction = func(c *cobra.Command, before []string, begun string) ([]string, cobra.ShellCompDirective) {
		word := argument(c.Use, len(before))
		if word == "ARG" {
			return nil, cobra.ShellCompDirectiveDefault
		}
		complete := arguments[word]
		if complete == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		rest := slices.DeleteFunc(complete(a, c, before, begun), func(s string) bool {
			name, _, _ := strings.Cut(s, "\t")
			return slices.Contains(before, name)
		})
		if word == "COMMAND" {
			return rest, cobra.ShellCompDirectiveDefault // a path, too
		}
		return rest, cobra.ShellCompDirectiveNoFileComp
	}
}

// argument is what a usage line calls its nth argument; the last one of
// "rm [OPTIONS] CONTAINER [CONTAINER...]" goes on for ever.
func argument(use string, n int) string {
	var words []string
	for _, word := range strings.Fields(use)[1:] {
		if word == "[OPTIONS]" {
			continue
		}
		if word[0] == '-' {
			break
		}
		words = append(words, strings.Trim(word, "[]"))
	}
	if last := len(words) - 1; last >= 0 && n >= last && strings.HasSuffix(words[last], "...") {
		n = last
	}
	if n >= len(words) {
		return ""
	}
	return strings.TrimSuffix(words[n], "...")
}

// fitting are the states that a verb can do something with; the others take
// containers in any.
var fitting = map[string][]string{
	"attach":  {"running"},
	"start":   {"created", "exited"},
	"stop":    {"running", "paused", "restarting"},
	"kill":    {"running", "paused", "restarting"},
	"exec":    {"running"},
	"pause":   {"running"},
	"port":    {"running", "paused"},
	"top":     {"running", "paused"},
	"unpause": {"paused"},
}

// containers are those that fit a verb, with what becomes of them.
func containers(a *app, c *cobra.Command, before []string, _ string) []string {
	filters := engine.Filters{"status": fitting[c.Name()]}
	if force := c.Flags().Lookup("force"); c.Name() == "rm" && force != nil && !force.Changed {
		filters["status"] = []string{"created", "exited"}
	}
	if c.CommandPath() == "minibridge network disconnect" {
		filters["network"] = before[:1]
	}
	return a.listed(filters)
}

// onlooker opens the engine for who changes no rules: any firewall will do.
func (a *app) onlooker() (*engine.Engine, error) {
	a.firewall = ""
	return a.anybodysEngine()
}

// listed are containers that filters let through.
func (a *app) listed(filters engine.Filters) (names []string) {
	e, err := a.onlooker()
	if err != nil {
		return nil
	}
	list, _ := e.List(engine.ListOptions{All: true, Filters: filters}) // those that can be read
	for _, one := range list {
		names = append(names, one.Name+"\t"+one.Status)
	}
	slices.Sort(names)
	return names
}

// networks are those that fit a verb: nobody can remove those that are always
// there.
func networks(a *app, c *cobra.Command, _ []string, _ string) (names []string) {
	e, err := a.onlooker()
	if err != nil {
		return nil
	}
	for _, n := range e.KnownNetworks() {
		if c.Name() != "rm" || !n.Predefined() {
			names = append(names, n.Name+"\t"+n.Driver)
		}
	}
	return names
}

func objects(a *app, c *cobra.Command, before []string, begun string) []string {
	return append(containers(a, c, before, begun), networks(a, c, before, begun)...)
}

// programs are those of PATH: a container has the host's.
func programs(_ *app, c *cobra.Command, _ []string, begun string) (names []string) {
	if rootfs := c.Flags().Lookup("rootfs"); rootfs != nil && rootfs.Changed {
		return nil
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			if strings.HasPrefix(entry.Name(), begun) {
				names = append(names, entry.Name())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
