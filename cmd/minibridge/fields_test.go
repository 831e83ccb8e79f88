package main_test

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"text/template"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/network"
	"github.com/rogpeppe/go-internal/testscript"
)

// fields CONTAINER|NETWORK NAME... has inspect print each field that Docker's
// own type of it has, through a template: also those that JSON leaves out when
// they are empty. What such a template prints of Docker's type is the same.
func fields(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args[1:] {
		ts.Check(ts.Exec("minibridge", "inspect", "--type", args[0], name))
		printed := []byte(ts.ReadFile("stdout"))
		var typed any
		var err error
		if args[0] == "network" {
			typed, err = first[network.Inspect](printed)
		} else {
			typed, err = first[oldContainer](printed)
		}
		ts.Check(err)
		asked := strings.Join(fieldsOf(reflect.ValueOf(typed), ""), "\n")
		var want strings.Builder
		ts.Check(template.Must(template.New("").Parse(asked)).Execute(&want, typed))
		ts.Check(ts.Exec("minibridge", "inspect", "--type", args[0], "-f", asked, name))
		if diff := cmp.Diff(want.String()+"\n", ts.ReadFile("stdout")); diff != "" {
			ts.Fatalf("Docker's types print (-), and ours (+):\n%s", diff)
		}
	}
}

func first[T any](printed []byte) (*T, error) {
	var all []T
	if err := json.Unmarshal(printed, &all); err != nil {
		return nil, err
	}
	return &all[0], nil
}

// fieldsOf are templates for a value that is found as at, and for all that it
// holds. Of numbers, words and what isn't there they print the value, of all
// else that it is there: that is written in Go's way.
func fieldsOf(v reflect.Value, at string) []string {
	name := strings.NewReplacer("(", "", ")", "").Replace(at)
	found := []string{name + "{{with " + at + "}}{{end}}"}
	if _, text := v.Interface().(encoding.TextMarshaler); text {
		return found
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return fieldsOf(v.Elem(), at)
		}
		return []string{name + " {{" + at + "}}"}
	case reflect.Struct:
		for _, f := range reflect.VisibleFields(v.Type()) {
			if f.IsExported() && !f.Anonymous {
				found = append(found, fieldsOf(v.FieldByIndex(f.Index), at+"."+f.Name)...)
			}
		}
	case reflect.Slice:
		if v.Len() > 0 {
			found = append(found, fieldsOf(v.Index(0), "(index "+at+" 0)")...)
		}
	case reflect.Map:
		if v.Len() == 0 || v.Type().Key().Kind() != reflect.String {
			break
		}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		found = append(found, fieldsOf(v.MapIndex(keys[0]), fmt.Sprintf("(index %s %q)", at, keys[0]))...)
	case reflect.Array:
	default:
		return []string{name + " {{" + at + "}}"}
	}
	if at == "" {
		return found[1:]
	}
	return found
}
