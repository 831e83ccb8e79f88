package main

import (
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/moby/sys/capability"
	"github.com/moby/sys/signal"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/minibridge/minibridge/internal/engine"
)

// values complete the flags of these names, of whichever command.
var values = map[string]completer{
	"attach":       words("STDIN", "STDOUT", "STDERR"),
	"cap-add":      capabilities,
	"cap-drop":     capabilities,
	"detach-keys":  words("ctrl-p,ctrl-q", "ctrl-a,d", "ctrl-@", "ctrl-\\"),
	"driver":       words("bridge"),
	"env":          variables,
	"filter":       filterKeys,
	"firewall":     words(engine.Firewalls()...),
	"format":       formats,
	"ipc":          sharedIPC,
	"log-driver":   words(engine.LogDrivers()...),
	"log-opt":      logOptions,
	"mount":        words("type=bind,", "type=tmpfs,"),
	"network":      attachable,
	"pid":          sharedPID,
	"restart":      words(engine.RestartPolicies()...),
	"security-opt": words(engine.SecurityOptions()...),
	"signal":       signals,
	"stop-signal":  signals,
	"type":         words("container", "network"),
	"ulimit":       words("core=", "cpu=", "data=", "fsize=", "memlock=", "nofile=", "nproc=", "stack="),
	"uts":          words("host"),
}

// Flags whose values are names of files, or of directories.
var (
	files       = []string{"cidfile", "entrypoint", "env-file", "label-file", "volume"}
	directories = []string{"root", "rootfs", "run-dir", "workdir"}
)

// completeValues has every flag complete its values; one that takes what the
// person makes up offers no files. The backquotes in what flags say of
// themselves are for help alone.
func (a *app) completeValues(c *cobra.Command) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		f.Usage = strings.ReplaceAll(f.Usage, "`", "")
		switch {
		case f.Value.Type() == "bool" || slices.Contains(files, f.Name):
			return // completed by the shell
		case slices.Contains(directories, f.Name):
			c.Flags().SetAnnotation(f.Name, cobra.BashCompSubdirsInDir, []string{})
			return
		}
		c.RegisterFlagCompletionFunc(f.Name, func(c *cobra.Command, before []string, begun string) ([]string, cobra.ShellCompDirective) {
			if values[f.Name] == nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			directive := cobra.ShellCompDirectiveNoFileComp
			all := values[f.Name](a, c, before, begun)
			if len(all) > 0 && (strings.HasSuffix(all[0], "=") || strings.HasSuffix(all[0], ",")) {
				directive |= cobra.ShellCompDirectiveNoSpace // more follows
			}
			return all, directive
		})
	})
}

func words(list ...string) completer {
	return func(*app, *cobra.Command, []string, string) []string { return list }
}

// capabilities are those of capabilities(7).
func capabilities(*app, *cobra.Command, []string, string) []string {
	all := []string{"ALL"}
	for _, known := range capability.ListKnown() {
		all = append(all, strings.ToUpper(known.String()))
	}
	return all
}

func logOptions(*app, *cobra.Command, []string, string) (all []string) {
	for _, name := range engine.LogOptNames() {
		all = append(all, name+"=")
	}
	return all
}

func signals(*app, *cobra.Command, []string, string) []string {
	return slices.Sorted(maps.Keys(signal.SignalMap))
}

// variables are the caller's: a name alone takes the value along.
func variables(*app, *cobra.Command, []string, string) (names []string) {
	for _, one := range os.Environ() {
		name, _, _ := strings.Cut(one, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// formats are those that have a name. Templates are the person's.
func formats(_ *app, c *cobra.Command, _ []string, _ string) []string {
	if c.Name() == "ps" || c.Name() == "ls" {
		return []string{"table", "json"}
	}
	return []string{"json"}
}

// attachable is all that --network takes.
func attachable(a *app, c *cobra.Command, _ []string, _ string) []string {
	all := networks(a, c, nil, "")
	return append(all, a.shared()...)
}

// sharedIPC is all that --ipc takes.
func sharedIPC(a *app, _ *cobra.Command, _ []string, _ string) []string {
	return append(engine.IPCModes(), a.shared()...)
}

// sharedPID is all that --pid takes.
func sharedPID(a *app, _ *cobra.Command, _ []string, _ string) []string {
	return append([]string{"host"}, a.shared()...)
}

// shared are containers that others can have a namespace of.
func (a *app) shared() (all []string) {
	for _, name := range a.listed(engine.Filters{"status": {"running"}}) {
		all = append(all, "container:"+name)
	}
	return all
}

// filterKeys are the keys of a command's filter, and after some the values.
func filterKeys(a *app, c *cobra.Command, _ []string, begun string) (all []string) {
	key, _, valued := strings.Cut(begun, "=")
	if !valued {
		for _, key := range c.Flags().Lookup("filter").Annotations[filterKey] {
			all = append(all, key+"=")
		}
		return all
	}
	switch key {
	case "status":
		all = engine.States()
	case "network":
		all = networks(a, c, nil, "")
	case "before", "since", "container":
		all = a.listed(nil)
	case "driver":
		all = []string{"bridge", "host", "null"}
	case "type":
		all = []string{"builtin", "custom"}
		if c.Name() == "events" {
			all = []string{"container", "network"}
		}
	case "scope":
		all = []string{"local"}
	case "dangling":
		all = []string{"false", "true"}
	}
	for i := range all {
		all[i] = key + "=" + all[i]
	}
	return all
}
