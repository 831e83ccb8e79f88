package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"text/template"

	"github.com/spf13/pflag"

	"github.com/minibridge/minibridge/internal/engine"
)

// A listFormat prints a list as --format says: as a table, of columns of one's
// own or the usual ones, as JSON a line, or each through a template.
type listFormat struct {
	template *template.Template
	table    bool
	usual    bool // nobody has described it: a person looks at it, if anybody does
}

// badListTemplate begins what Docker says of a template that fails.
const badListTemplate = "template parsing error"

func listFormatFlag(flags *pflag.FlagSet, format *string) {
	flags.StringVar(format, "format", "", "print through a Go `template`, as json, or as a table: 'table TEMPLATE'")
}

// newListFormat reads --format; usual are the columns of the table that nobody
// described. Docker's texts begin with bad.
func newListFormat(format, usual, bad string) (*listFormat, error) {
	asked := format
	switch format {
	case "json":
		format = "{{json .}}"
	case "", "table":
		format = usual
	}
	text, table := strings.CutPrefix(format, "table")
	text = strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(strings.Trim(text, " "))
	t, err := template.New("").Funcs(functions).Parse(text)
	if err != nil {
		return nil, &engine.Error{Text: fmt.Sprintf("%s: %v", bad, err)}
	}
	return &listFormat{t, table, asked == "" || asked == "table"}, nil
}

// headFunctions leave the words above a table's columns alone, whatever is done
// to what stands below them.
var headFunctions = template.FuncMap{
	"json":     func(s string) string { return s },
	"split":    func(s, _ string) string { return s },
	"join":     func(s, _ string) string { return s },
	"title":    func(s string) string { return s },
	"lower":    func(s string) string { return s },
	"upper":    func(s string) string { return s },
	"truncate": func(s string, _ int) string { return s },
}

// printList writes rows, whose fields are Docker's. head has the words above
// the columns in the same fields. Nothing is written of a list that a template
// fails on.
func printList[Row any](w *output, f *listFormat, head Row, rows []Row, bad string) error {
	var out bytes.Buffer
	line := func(t *template.Template, row Row) error {
		if err := t.Execute(&out, row); err != nil {
			return &engine.Error{Text: bad + ": " + templateText(err)}
		}
		return out.WriteByte('\n')
	}
	if f.table {
		// A copy: functions are looked up by name when a template runs.
		above, err := f.template.Clone()
		if err != nil {
			return err
		}
		if err := line(above.Funcs(headFunctions), head); err != nil {
			return err
		}
	}
	for _, row := range rows {
		if err := line(f.template, row); err != nil {
			return err
		}
	}
	if !f.table {
		_, err := out.WriteTo(w)
		return err
	}
	var table strings.Builder
	columns := columns(&table)
	_, err := out.WriteTo(columns)
	if err = errors.Join(err, columns.Flush()); err != nil || !f.usual {
		return errors.Join(err, w.write(table.String()))
	}
	return w.write(w.terminal().paintTable(table.String(), "STATUS"))
}

// columns is a table as Docker's: three spaces between columns, none narrower
// than ten.
func columns(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 10, 1, 3, ' ', 0) }

// A labelled row answers {{.Label "KEY"}}.
type labelled struct {
	labels map[string]string // nil in the head of a table
}

// Label is the value of a label, nothing when there is none; above a column of
// them the end of the key.
func (l labelled) Label(key string) string {
	if l.labels == nil {
		return strings.NewReplacer("-", " ", "_", " ").Replace(key[strings.LastIndexByte(key, '.')+1:])
	}
	return l.labels[key]
}

// labelsOf are a row's own.
func labelsOf(all map[string]string) labelled {
	if all == nil {
		all = map[string]string{}
	}
	return labelled{all}
}
