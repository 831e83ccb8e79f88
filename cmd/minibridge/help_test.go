package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands are all that a person can call.
func commands(c *cobra.Command) (all []*cobra.Command) {
	all = append(all, c)
	for _, sub := range c.Commands() {
		all = append(all, commands(sub)...)
	}
	return all
}

// manyFlags are more than a person finds one among.
const manyFlags = 10

// TestFlagGroups holds that a command with many flags has them in groups, all
// of them.
func TestFlagGroups(t *testing.T) {
	for _, c := range commands((&app{}).rootCommand()) {
		var alone []string
		grouped, n := false, 0
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			switch {
			case f.Hidden:
				return
			case f.Annotations[groupKey] == nil:
				alone = append(alone, f.Name)
			default:
				grouped = true
			}
			n++
		})
		if len(alone) > 0 && (grouped || n >= manyFlags) {
			t.Errorf("%s: no group for --%s: move it above one of the calls of group(), or add one", c.CommandPath(), strings.Join(alone, ", --"))
		}
	}
}

func TestHelp(t *testing.T) {
	for _, c := range commands((&app{}).rootCommand()) {
		t.Run(c.CommandPath(), func(t *testing.T) {
			var b bytes.Buffer
			c.SetOut(&b)
			if err := c.Help(); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > helpWidth {
					t.Errorf("%d columns: %s", n, line)
				}
			}
			if c.Short == "" || strings.HasSuffix(c.Short, ".") || strings.Contains(c.Short, "\n") {
				t.Errorf("what it is, in one line: %q", c.Short)
			}
			if c.Example == "" && !c.HasSubCommands() && !c.Hidden {
				t.Error("no example")
			}
			if !strings.HasPrefix(b.String(), "Usage:  "+c.CommandPath()) {
				t.Errorf("begins with %.40q", b.String())
			}
		})
	}
}
