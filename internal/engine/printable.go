package engine

import (
	"strings"
	"unicode"
)

// Printable keeps control characters off the terminal, those above ASCII too
// (C1, ECMA-48): some terminals obey them.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, s)
}
