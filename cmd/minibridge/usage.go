package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/minibridge/minibridge/internal/engine"
)

// A usageError is a call with the wrong words: the only kind of error that
// points to --help. Its text and exit code are Docker's.
type usageError struct {
	text string
	code int
}

func (e *usageError) Error() string { return e.text }

// flagError is a flag that isn't there, or a value that it can't have.
func flagError(c *cobra.Command, err error) error {
	return &usageError{
		text: fmt.Sprintf("%s%s\n\nUsage:  %s\n\nRun '%s --help' for more information\n",
			engine.Printable(err.Error()), inBrackets(slip(c, err)), c.UseLine(), c.CommandPath()),
		code: 125,
	}
}

// slip is what may be wrong beside a flag. That of `rnu -d` is read as one of
// the command that all are part of: there it is the verb that isn't there.
func slip(c *cobra.Command, err error) string {
	before := c.Flags().Args()
	if !c.HasSubCommands() || len(before) == 0 {
		return nearFlag(c, err)
	}
	verb := noSuchCommand(c, before[0])
	if meant := didYouMean("", suggestions(c, before[0])); meant != "" {
		verb += "; " + meant
	}
	return verb
}

// nearFlag names flags that an unknown one is a slip of, or the beginning.
func nearFlag(c *cobra.Command, err error) string {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok || len(unknown.GetSpecifiedName()) < 2 {
		return ""
	}
	// How far a name is from another, cobra tells of commands alone.
	names := &cobra.Command{}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
		}
	})
	return didYouMean("--", suggestions(names, unknown.GetSpecifiedName()))
}

// didYouMean asks so; mark stands before each name.
func didYouMean(mark string, near []string) string {
	if len(near) == 0 {
		return ""
	}
	return fmt.Sprintf("did you mean %s%s?", mark, strings.Join(near, ", "+mark))
}

// inBrackets is what is ours to add to a text of Docker's.
func inBrackets(ours string) string {
	if ours == "" {
		return ""
	}
	return " (" + ours + ")"
}

// suggestions are the commands that a name is near to.
func suggestions(of *cobra.Command, name string) (near []string) {
	for _, c := range of.Commands() {
		if c.IsAvailableCommand() && swapped(c.Name(), name) {
			near = append(near, c.Name())
		}
	}
	of.SuggestionsMinimumDistance = max(1, len(name)/3) // letters to change
	for _, other := range of.SuggestionsFor(name) {
		if !slices.Contains(near, other) {
			near = append(near, other)
		}
	}
	return near
}

// swapped says whether one word is the other with two neighbouring letters the
// wrong way round: a slip of one key, which cobra counts as two.
func swapped(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) - 1 {
		if a[i] != b[i] {
			return a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
		}
	}
	return false
}

func wrongCount(c *cobra.Command, see, format string, args ...any) error {
	return &usageError{
		text: fmt.Sprintf("minibridge: '%s' %s\n\nUsage:  %s\n\n%s '%s --help' for more information\n",
			c.CommandPath(), fmt.Sprintf(format, args...), c.UseLine(), see, c.CommandPath()),
		code: 1,
	}
}

func noSuchCommand(c *cobra.Command, name string) string {
	return fmt.Sprintf("unknown command: %s %s", c.CommandPath(), engine.Printable(name))
}

func unknownCommand(c *cobra.Command, name string) error {
	text := fmt.Sprintf("minibridge: %s%s\n\n", noSuchCommand(c, name), inBrackets(didYouMean("", suggestions(c, name))))
	if c.HasParent() {
		text += fmt.Sprintf("Usage:  %s\n\n", c.CommandPath())
	}
	return &usageError{text: text + fmt.Sprintf("Run '%s --help' for more information\n", c.CommandPath()), code: 1}
}

// exactly, atLeast, between and none are how many arguments a verb takes.
func exactly(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return wrongCount(c, "Run", "requires %d %s", n, plural("argument", n))
	}
}

func atLeast(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) >= n {
			return nil
		}
		return wrongCount(c, "See", "requires at least %d %s", n, plural("argument", n))
	}
}

func between(low, high int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) >= low && len(args) <= high {
			return nil
		}
		return wrongCount(c, "Run", "requires at least %d and at most %d arguments", low, high)
	}
}

func none(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return wrongCount(c, "Run", "accepts no arguments")
}

func plural(word string, n int) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
