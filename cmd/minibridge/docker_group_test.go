package main_test

import (
	"fmt"
	"strconv"
	"strings"
)

// A group is a file of testdata/docker: commands about one subject, typed one
// after the other on one machine, with what Docker answers.
//
//	# a comment
//	$ docker kill nope
//	! Error response from daemon: cannot kill container: nope: No such container: nope
//	exit 1
//
// Lines of stdout begin with > and those of stderr with !; one that doesn't end
// with a newline ends with ␄. Where minibridge answers something else on purpose, a
// second answer, minibridge's, stands below the reason, which is a row of
// docs/differences.md:
//
//	differs: a run that fails
//	> …
type group []*entry

// An entry is a command with its answers, or else a line of prose.
type entry struct {
	prose   string
	command string
	docker  answer
	reason  string // why minibridge's is another, or ""
	ours    answer
}

// An answer is all that a command gives.
type answer struct {
	out, err string
	code     int
}

const (
	differs    = "differs: "
	unfinished = "␄" // the end of what ends without a newline
)

func parseGroup(text string) (group, error) {
	var g group
	var into *answer
	for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		mark, rest, _ := strings.Cut(line, " ")
		switch {
		case mark == "$":
			e := &entry{command: rest}
			g, into = append(g, e), &e.docker
		case mark == "" || strings.HasPrefix(mark, "#"):
			g, into = append(g, &entry{prose: line}), nil
		case into == nil:
			return nil, fmt.Errorf("line %d belongs to no command: %s", n+1, line)
		case mark == ">":
			into.out += finish(rest)
		case mark == "!":
			into.err += finish(rest)
		case mark == "exit":
			code, err := strconv.Atoi(rest)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n+1, err)
			}
			into.code = code
		case strings.HasPrefix(line, differs):
			e := g[len(g)-1]
			e.reason, into = strings.TrimPrefix(line, differs), &e.ours
		default:
			return nil, fmt.Errorf("line %d is nothing that there is: %s", n+1, line)
		}
	}
	return g, nil
}

func finish(line string) string {
	if text, ok := strings.CutSuffix(line, unfinished); ok {
		return text
	}
	return line + "\n"
}

func (g group) String() string {
	var b strings.Builder
	for _, e := range g {
		if e.command == "" {
			b.WriteString(e.prose + "\n")
			continue
		}
		fmt.Fprintf(&b, "$ %s\n%s", e.command, e.docker)
		if e.reason != "" {
			fmt.Fprintf(&b, "%s%s\n%s", differs, e.reason, e.ours)
		}
	}
	return b.String()
}

func (a answer) String() string {
	var b strings.Builder
	mark := func(with, text string) {
		for line := range strings.Lines(text) {
			text, finished := strings.CutSuffix(line, "\n")
			if !finished {
				text += unfinished
			}
			if text != "" {
				text = " " + text
			}
			b.WriteString(with + text + "\n")
		}
	}
	mark(">", a.out)
	mark("!", a.err)
	if a.code != 0 {
		fmt.Fprintf(&b, "exit %d\n", a.code)
	}
	return b.String()
}
