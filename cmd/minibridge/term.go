package main

import (
	"os"

	"golang.org/x/term"
)

// A terminal is what a person looks at: how wide it is, and how to make words
// stand out there.
type terminal struct {
	width  int  // in columns; 0 where there is no terminal
	colour bool // it has some, and nobody asked for none (no-color.org)
}

func terminalOf(f *os.File) terminal {
	if !term.IsTerminal(int(f.Fd())) {
		return terminal{}
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width == 0 { // a serial line knows none
		width = helpWidth
	}
	return terminal{width, os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// Select Graphic Rendition (console_codes(4)).
const (
	bold   = "\x1b[1m"
	normal = "\x1b[0m"
)

func (t terminal) paint(code, text string) string {
	if !t.colour || code == "" || text == "" {
		return text
	}
	return code + text + normal
}
