package main

import (
	"fmt"
	"strings"
)

// markdown is the page for docs/reference.
func (p page) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n    %s\n", p.CommandPath(), p.UseLine())
	for _, paragraph := range p.paragraphs() {
		var lines []string
		for line := range strings.Lines(paragraph) {
			lines = append(lines, markdownLine(strings.TrimSuffix(line, "\n")))
		}
		fmt.Fprintf(&b, "\n%s\n", strings.Trim(strings.Join(lines, "\n"), "\n"))
	}
	if len(p.Aliases) > 0 {
		fmt.Fprintf(&b, "\nAlso: `%s`\n", strings.Join(p.Aliases, "`, `"))
	}
	if examples := p.examples(); len(examples) > 0 {
		fmt.Fprintf(&b, "\n## Examples\n\n    %s\n", strings.Join(examples, "\n    "))
	}
	for _, l := range p.lists {
		fmt.Fprintf(&b, "\n## %s\n\n| | |\n| --- | --- |\n", l.title)
		for _, e := range l.entries {
			term := "`" + strings.ReplaceAll(e.term, "|", `\|`) + "`"
			if e.page != "" {
				term = fmt.Sprintf("[%s](%s.md)", e.term, dashed(e.page))
			}
			fmt.Fprintf(&b, "| %s | %s |\n", term, markdownText(e.text))
		}
	}
	if p.HasParent() {
		b.WriteString("\nBefore or after the command: `--dry-run`, `-x` and more, of [minibridge](minibridge.md).\n")
	}
	return b.String()
}

// markdownIndex lists all pages.
func markdownIndex(all []page) string {
	var b strings.Builder
	b.WriteString("# All commands\n\nWhat `--help` says, page by page; made from it by `go generate ./cmd/minibridge`.\n\n| | |\n| --- | --- |\n")
	for _, p := range all {
		fmt.Fprintf(&b, "| [%s](%s.md) | %s |\n", p.CommandPath(), p.dashed(), markdownText(p.Short))
	}
	return b.String()
}

// markdownLine leaves lines that are indented as they are; to Markdown they are
// code when there are four blanks.
func markdownLine(line string) string {
	if code, indented := strings.CutPrefix(line, "  "); indented {
		return "\n    " + code + "\n"
	}
	return markdownText(line)
}

var markdownMarks = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, "|", `\|`)

// markdownText is a text that Markdown shall leave alone.
func markdownText(s string) string { return markdownMarks.Replace(s) }
