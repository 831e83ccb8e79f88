package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

// A completionShell is how a shell asks for completion: by cobra's script, with
// some lines changed. Those evaluate what has been typed so far, so that a TAB
// after `rm $(reboot)` would run it.
type completionShell struct {
	name     string
	generate func(*cobra.Command, io.Writer) error
	instead  [][2]string // each first one is in the script once
	more     string      // at its end
}

var completionShells = []completionShell{
	{
		name:     "bash",
		generate: func(c *cobra.Command, w io.Writer) error { return c.GenBashCompletionV2(w, true) },
		instead:  [][2]string{{`out=$(eval "${requestComp}" 2>/dev/null)`, `out=$(__minibridge_ask 2>/dev/null)`}},
		more:     bashWords,
	},
	{
		name:     "zsh",
		generate: func(c *cobra.Command, w io.Writer) error { return c.GenZshCompletion(w) },
		instead: [][2]string{
			{`words=("${=words[1,CURRENT]}")`, `words=("${(@)words[1,CURRENT]}")`}, // one with a blank in it stays one
			{`out=$(eval ${requestComp} 2>/dev/null)`, `out=$("${(Q)words[1]/#\~\//$HOME/}" __complete "${(@Q)words[2,-1]/#\~\//$HOME/}" 2>/dev/null)`},
			{`flagPrefix="-P ${BASH_REMATCH}"`, `flagPrefix="-P ${(q)BASH_REMATCH}"`}, // _describe is evaluated
		},
	},
	{
		name:     "fish",
		generate: func(c *cobra.Command, w io.Writer) error { return c.GenFishCompletion(w, true) },
		instead: [][2]string{
			{`set -l results (eval $requestComp 2> /dev/null)`, `set -l results ($args[1] (string replace -r -- '^~/' $HOME/ __complete $args[2..-1] (string unescape -- $lastArg)) 2> /dev/null)`},
		},
	},
}

// bashWords are the words without their quotes. bash itself takes those away
// only where it evaluates the rest, too.
const bashWords = `
__minibridge_ask() {
    local word REPLY asked=()
    for word in "${words[@]}"; do
        __minibridge_unquote "${word}"
        asked+=("${REPLY}")
    done
    type -P -- "${asked[0]}" >/dev/null || asked[0]=minibridge # typed by an alias
    "${asked[0]}" __complete "${asked[@]:1}"
}

__minibridge_unquote() {
    local rest=$1 quote= c
    REPLY=
    if [[ ${rest} == '~/'* ]]; then
        REPLY=${HOME} rest=${rest:1}
    fi
    while [[ -n ${rest} ]]; do
        c=${rest:0:1} rest=${rest:1}
        case ${quote}${c} in
        "''" | '""') quote= ;;
        "'" | '"') quote=${c} ;;
        '\' | '"\') REPLY+=${rest:0:1} rest=${rest:1} ;;
        *) REPLY+=${c} ;;
        esac
    done
}
`

// script is that of a shell, for a command line.
func (s *completionShell) script(root *cobra.Command) (string, error) {
	var b strings.Builder
	if err := s.generate(root, &b); err != nil {
		return "", err
	}
	text := b.String()
	for _, line := range s.instead {
		if n := strings.Count(text, line[0]); n != 1 {
			return "", &engine.Error{Text: fmt.Sprintf("cobra's script for %s has changed: %q is in it %d times", s.name, line[0], n)}
		}
		text = strings.Replace(text, line[0], line[1], 1)
	}
	return text + s.more, nil
}
