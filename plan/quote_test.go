package plan_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minibridge/minibridge/plan"
)

func TestQuote(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"":                `''`,
		"172.17.0.1/16":   "172.17.0.1/16",
		"a b":             "'a b'",
		"it's":            `'it'\''s'`,
		"$HOME":           "'$HOME'",
		"~root":           "'~root'",
		"*":               "'*'",
		"a\nb":            "'a\nb'",
		"#":               "'#'",
		"net.ipv4.x=0 12": "'net.ipv4.x=0 12'",
	} {
		if have := plan.Quote(word); have != want {
			t.Errorf("Quote(%q) is %s, not %s", word, have, want)
		}
	}
}

func TestShellReadsWhatCommandWrites(t *testing.T) {
	t.Parallel()
	word := rapid.StringOf(rapid.RuneFrom([]rune("a 'Z0\"$`\\*?[]{}~#!&|;<>()=%^-\n\t\u00e4\x01\xff")))
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(word).Draw(t, "words")
		script := plan.Command(append([]string{"printf", `%s\0`, "begin"}, words...)...)
		out, err := exec.Command("sh", "-c", script).Output()
		if err != nil {
			t.Fatalf("%s: %v", script, err)
		}
		have := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		if !slices.Equal(have[1:], words) {
			t.Errorf("the shell makes %q of %s", have[1:], script)
		}
	})
}
