package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/minibridge/minibridge/internal/bench"
)

// chart prints a table a measure, and on a terminal a bar a row.
func chart(w io.Writer, t terminal, rows []bench.Row) (err error) {
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Measure == rows[0].Measure {
			n++
		}
		if err := chartOne(w, t, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	_, err = fmt.Fprintln(w, "\n~ in some rounds more, in some less: no difference that these would prove")
	return err
}

func chartOne(w io.Writer, t terminal, rows []bench.Row) error {
	better := "less is better"
	if rows[0].More {
		better = "more is better"
	}
	title := fmt.Sprintf("%s, %s", rows[0].Measure, rows[0].Unit)
	if _, err := fmt.Fprintf(w, "\n%s (%s)\n", t.paint(bold, title), better); err != nil {
		return err
	}
	most := 0.0
	for _, r := range rows {
		most = max(most, r.Max)
	}
	for _, r := range rows {
		line := fmt.Sprintf("  %-26s %7s  %18s  %6s", r.Way, number(r.Median), number(r.Min)+" to "+number(r.Max), ratio(r))
		if room := t.width - len(line) - 3; room >= minBar {
			line += "  " + t.paint(cyan, bar(r, most, room))
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}

// minBar is the least room in which bars say something, in columns.
const minBar = 8

// bar is as long as the median; what is paler is the spread.
func bar(r bench.Row, most float64, room int) string {
	columns := func(v float64) int { return int(v/most*float64(room) + 0.5) }
	sure := columns(r.Min)
	return strings.Repeat("█", sure) + strings.Repeat("░", columns(r.Max)-sure)
}

// number is three digits that count, or all before the point.
func number(v float64) string {
	digits := 0
	switch {
	case v < 10:
		digits = 2
	case v < 100:
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

func ratio(r bench.Row) string {
	if r.RatioMin == 1 && r.RatioMax == 1 {
		return "1"
	}
	if r.Same() {
		return "~" + number(r.Ratio)
	}
	return number(r.Ratio)
}
