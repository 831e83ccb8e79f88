package main

import (
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"github.com/minibridge/minibridge/internal/engine"
)

// A filterValue is --filter, KEY=VALUE, which may be given several times.
type filterValue struct {
	repeatable
	filters *engine.Filters
}

func (v *filterValue) String() string { return "" }

// Type is what help calls it.
func (v *filterValue) Type() string { return "filter" }

// Set adds one value to those of its key.
func (v *filterValue) Set(s string) error {
	if s == "" {
		return nil
	}
	key, value, ok := strings.Cut(s, "=")
	if !ok {
		return errors.New("bad format of filter (expected name=value)")
	}
	if *v.filters == nil {
		*v.filters = make(engine.Filters)
	}
	key = strings.ToLower(strings.TrimSpace(key))
	(*v.filters)[key] = append((*v.filters)[key], strings.TrimSpace(value))
	return nil
}

// filterKey is the annotation that holds the keys of a filter, for completion.
const filterKey = "filter"

// filterFlag has the keys in its help; what there is to say of one follows it
// in brackets.
func filterFlag(flags *pflag.FlagSet, filters *engine.Filters, short, usage string, keys ...string) {
	flags.VarP(&filterValue{filters: filters}, "filter", short, usage+": "+strings.Join(keys, ", "))
	for i, key := range keys {
		keys[i], _, _ = strings.Cut(key, " ")
	}
	flags.SetAnnotation("filter", filterKey, keys)
}
