package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"unicode"
	"unicode/utf8"

	"github.com/minibridge/minibridge/internal/engine"
)

// badTemplate is the exit code for a template that can't be parsed, as
// Docker's inspect has it.
const badTemplate = 64

// functions are those that Docker adds to Go's in a template.
var functions = template.FuncMap{
	"json":     toJSON,
	"split":    strings.Split,
	"join":     strings.Join,
	"title":    title,
	"lower":    strings.ToLower,
	"upper":    strings.ToUpper,
	"pad":      pad,
	"truncate": func(s string, n int) string { return string([]rune(s)[:min(n, len([]rune(s)))]) },
}

// typeNames are Docker's words for what a list or a verb prints, of which a
// template has asked for a field that isn't there.
var typeNames = strings.NewReplacer(
	"type main.containerRow", "type *formatter.ContainerContext",
	"type main.networkRow", "type *network.networkContext",
	"type *engine.Info", "type system.dockerInfo",
	"type main.versionInfo", "type system.versionInfo",
	"type main.clientVersion", "type system.clientVersion",
	"type *main.eventMessage", "type *events.Message",
)

// templateText is what a template that failed says.
func templateText(err error) string { return typeNames.Replace(err.Error()) }

func toJSON(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// title begins each word with a capital, as Go's own did before it was given up
// for one that knows languages: a word is letters, digits and underscores.
func title(s string) string {
	begins := true
	return strings.Map(func(r rune) rune {
		was := begins
		begins = unicode.IsSpace(r) || r < utf8.RuneSelf && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
		if was {
			return unicode.ToTitle(r)
		}
		return r
	}, s)
}

// pad puts blanks around a text that is not empty.
func pad(s string, before, after int) string {
	if s == "" {
		return s
	}
	return strings.Repeat(" ", before) + s + strings.Repeat(" ", after)
}

// A formatter prints what inspect found: as an indented array, as one on a
// line, or each through a template.
type formatter struct {
	template *template.Template // nil for JSON
	strict   *template.Template // the same, for which a key that isn't there is an error
	line     bool
}

// newFormatter reads --format.
func newFormatter(format string) (*formatter, error) {
	switch format {
	case "":
		return &formatter{}, nil
	case "json":
		return &formatter{line: true}, nil
	}
	t, err := template.New("").Funcs(functions).Parse(format)
	if err != nil {
		return nil, &engine.Error{Text: fmt.Sprintf("template parsing error: %v", err), Code: badTemplate}
	}
	strict, err := t.Clone()
	if err != nil {
		return nil, err
	}
	return &formatter{template: t, strict: strict.Option("missingkey=error")}, nil
}

// print writes all that was found; nothing found is an empty array, or, through
// a template, an empty line.
func (f *formatter) print(w *output, found []any) error {
	var out bytes.Buffer
	if f.template == nil {
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		if !f.line {
			enc.SetIndent("", "    ")
		}
		err := enc.Encode(found)
		if f.line || err != nil {
			return errors.Join(err, w.write(out.String()))
		}
		return w.write(w.terminal().paintNetwork(out.String()))
	}
	for _, one := range found {
		text, err := f.execute(one)
		if err != nil {
			w.write(out.String() + "\n")
			return &engine.Error{Text: fmt.Sprintf("template parsing error: %v", err)}
		}
		out.WriteString(text + "\n")
	}
	if len(found) == 0 {
		out.WriteByte('\n')
	}
	return w.write(out.String())
}

// execute looks fields up as the JSON's keys, which are Docker's.
func (f *formatter) execute(one any) (string, error) {
	b, err := json.Marshal(one)
	if err != nil {
		return "", err
	}
	var keys any
	numbers := json.NewDecoder(bytes.NewReader(b))
	numbers.UseNumber()
	if err := numbers.Decode(&keys); err != nil {
		return "", err
	}
	var typed, raw bytes.Buffer
	if f.template.Execute(&typed, one) == nil {
		return typed.String(), nil
	}
	err = f.strict.Execute(&raw, keys)
	return raw.String(), err
}
