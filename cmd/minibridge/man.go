package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/minibridge/minibridge/internal/engine"
)

// man is the page in the language of man(7).
func (p page) man(day time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 8 %s \"minibridge %s\" \"minibridge\"\n", strings.ToUpper(roff(p.dashed())), day.Format(time.DateOnly), version)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(p.dashed()), roff(p.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(p.UseLine()))
	b.WriteString(".SH DESCRIPTION\n")
	for i, paragraph := range p.paragraphs() {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		b.WriteString(roffLines(paragraph))
	}
	if examples := p.examples(); len(examples) > 0 {
		fmt.Fprintf(&b, ".SH EXAMPLES\n%s", roffVerbatim(examples))
	}
	section := ""
	for _, l := range p.lists {
		if l.section != section {
			section = l.section
			fmt.Fprintf(&b, ".SH %s\n", strings.ToUpper(section))
		}
		if l.title != section {
			fmt.Fprintf(&b, ".SS %s\n", roff(l.title))
		}
		for _, e := range l.entries {
			term := roff(e.term)
			if e.page != "" {
				term = roff(dashed(e.page)) + "(8)"
			}
			fmt.Fprintf(&b, ".TP\n.B %s\n%s", term, roffLines(e.text))
		}
	}
	if p.HasParent() {
		fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (8)\nfor the options that stand before or after any command, files and exit codes\n", dashed(p.Parent().CommandPath()))
	} else {
		b.WriteString(manFiles + manExitCodes)
	}
	return b.String()
}

// What only the page of the whole has.
var (
	manFiles = `.SH FILES
.TP
.I ` + engine.DefaultRoot + `
what was asked for: containers, networks, logs; it survives a reboot
.TP
.I ` + engine.DefaultRunDir + `
what is up now: addresses, journals, the files that containers changed
.TP
.I /run/netns
the network namespaces, by the names of their containers:
.B ip netns exec
knows them
`
	manExitCodes = `.SH EXIT STATUS
.TP
.B 125
minibridge could not run the command, or does not know a flag
.TP
.B 126
the command can't be executed
.TP
.B 127
there is no such command
.TP
.B 128+n
signal n ended it
.PP
.B run
and
.B exec
end as the command does. Other verbs end with 1 when they failed;
.B check
does when it found a problem.
`
)

var roffMarks = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)

// roff is a text that roff shall leave alone, within a line.
func roff(s string) string { return roffMarks.Replace(s) }

// roffLines are lines that are filled, but for those that are indented.
func roffLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text + "\n") {
		line = strings.TrimSuffix(line, "\n")
		if code, indented := strings.CutPrefix(line, "  "); indented {
			b.WriteString(roffVerbatim([]string{code}))
		} else {
			b.WriteString(roffLine(line))
		}
	}
	return b.String()
}

func roffVerbatim(lines []string) string {
	var b strings.Builder
	b.WriteString(".RS 4\n.nf\n")
	for _, line := range lines {
		b.WriteString(roffLine(line))
	}
	b.WriteString(".fi\n.RE\n")
	return b.String()
}

// roffLine is a line of its own: a dot at its beginning would be a request.
func roffLine(s string) string {
	if strings.HasPrefix(s, ".") {
		return `\&` + roff(s) + "\n"
	}
	return roff(s) + "\n"
}
