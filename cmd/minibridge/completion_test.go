package main

import (
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/spf13/pflag"
)

// madeUp are the words of usage lines that nobody can complete.
var madeUp = []string{"OPTIONS", "ARG", "NEW_NAME", "PRIVATE_PORT", "PROTO"}

// TestCompletionKnows holds the tables of completion to the commands and flags
// that there are.
func TestCompletionKnows(t *testing.T) {
	verbs, flags := make(map[string]bool), make(map[string]bool)
	word := regexp.MustCompile(`[A-Z][A-Z_]+(\|[A-Z]+)?`)
	for _, c := range commands((&app{}).rootCommand()) {
		verbs[c.Name()] = true
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			flags[f.Name] = true
			if f.Name == "filter" && len(f.Annotations[filterKey]) == 0 {
				t.Errorf("%s: filterFlag is not told the keys of --filter", c.CommandPath())
			}
		})
		if c.Hidden || c.HasSubCommands() || c.ValidArgs != nil || c.ValidArgsFunction != nil {
			continue
		}
		for n := 0; argument(c.Use, n) != "" && n < 5; n++ {
			w := word.FindString(argument(c.Use, n))
			if w != "" && arguments[w] == nil && !slices.Contains(madeUp, w) {
				t.Errorf("%s: nothing completes %q: it needs a line in arguments (completion.go) or in madeUp", c.CommandPath(), w)
			}
		}
	}
	holds := func(table string, names []string, have map[string]bool) {
		for _, name := range names {
			if !have[name] {
				t.Errorf("%s: there is no %s", table, name)
			}
		}
	}
	holds("fitting", slices.Collect(maps.Keys(fitting)), verbs)
	holds("values", slices.Collect(maps.Keys(values)), flags)
	holds("files", files, flags)
	holds("directories", directories, flags)
}

func TestArgument(t *testing.T) {
	for _, row := range []struct {
		use  string
		n    int
		want string
	}{
		{"rm [OPTIONS] CONTAINER [CONTAINER...]", 0, "CONTAINER"},
		{"rm [OPTIONS] CONTAINER [CONTAINER...]", 7, "CONTAINER"},
		{"exec [OPTIONS] CONTAINER COMMAND [ARG...]", 1, "COMMAND"},
		{"exec [OPTIONS] CONTAINER COMMAND [ARG...]", 3, "ARG"},
		{"rename CONTAINER NEW_NAME", 2, ""},
		{"repair [CONTAINER|NETWORK...]", 1, "CONTAINER|NETWORK"},
		{"publish CONTAINER -p PORT...", 1, ""},
		{"check", 0, ""},
	} {
		if got := argument(row.use, row.n); got != row.want {
			t.Errorf("argument %d of %q is %q, not %q", row.n, row.use, got, row.want)
		}
	}
}
