package main

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Colours of ip(8) --color: links cyan, MAC addresses yellow, IPv4 magenta, IPv6
// blue, what is up green, what is down red.
const (
	red     = "\x1b[31m"
	green   = "\x1b[32m"
	yellow  = "\x1b[33m"
	blue    = "\x1b[34m"
	magenta = "\x1b[35m"
	cyan    = "\x1b[36m"
)

// networkWords finds what may be a word of the network: a MAC address, one of IPv4, a
// link of ours, one of IPv6; none of them within a longer word.
var networkWords = regexp.MustCompile(`\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b` +
	`|\b\d{1,3}(?:\.\d{1,3}){3}(?:/\d+)?\b` +
	`|\b(?:minibr0|mb-[0-9a-f]{12}|mbv[0-9a-f]{8}|eth\d+)\b` +
	`|[0-9a-f]*:[0-9a-f:]*:[0-9a-f:.]*(?:/\d+)?`)

// paintNetwork colours addresses and links in a text that is laid out already:
// so no width counts the codes.
func (t terminal) paintNetwork(text string) string {
	if !t.colour {
		return text
	}
	var out strings.Builder
	done := 0
	for _, at := range networkWords.FindAllStringIndex(text, -1) {
		word := text[at[0]:at[1]]
		if before, _ := utf8.DecodeLastRuneInString(text[:at[0]]); unicode.IsLetter(before) {
			continue
		}
		out.WriteString(text[done:at[0]] + t.paint(networkColour(word), word))
		done = at[1]
	}
	return out.String() + text[done:]
}

// networkColour is "" for what only looks like a word of the network, as a time
// of the day does.
func networkColour(word string) string {
	address, _, _ := strings.Cut(word, "/")
	addr, err := netip.ParseAddr(address)
	switch {
	case err == nil && addr.Is4():
		return magenta
	case err == nil:
		return blue
	case strings.HasPrefix(word, "m"), strings.HasPrefix(word, "eth"):
		return cyan
	case strings.Count(word, ":") == 5:
		return yellow
	}
	return ""
}

// stateColours are those of a state, by its first word.
var stateColours = map[string]string{
	"Up": green, "running": green, "ok": green,
	"Exited": red, "exited": red, "Dead": red, "dead": red, "bad": red,
	"paused": yellow, "Restarting": yellow, "restarting": yellow, "note": yellow,
}

func (t terminal) paintState(state string) string {
	word, _, _ := strings.Cut(state, " ")
	code := stateColours[word]
	if strings.HasSuffix(strings.TrimRight(state, " "), "(Paused)") {
		code = yellow
	}
	return t.paint(code, state)
}

// paintTable colours a table that is laid out already, and its column of states,
// too, which begins where that head does.
func (t terminal) paintTable(table, head string) string {
	if !t.colour {
		return table
	}
	first, _, _ := strings.Cut(table, "\n")
	from := strings.Index(first, head)
	if from < 0 {
		return t.paintNetwork(table)
	}
	var out strings.Builder
	width := len(first[from:]) - len(strings.TrimLeft(first[from+len(head):], " "))
	for line := range strings.Lines(table) {
		cells := []rune(line) // as wide as those of the head, whose letters are a byte each
		from := min(from, len(cells))
		to := min(from+width, len(cells))
		out.WriteString(t.paintNetwork(string(cells[:from])))
		out.WriteString(t.paintState(string(cells[from:to])))
		out.WriteString(t.paintNetwork(string(cells[to:])))
	}
	return out.String()
}
