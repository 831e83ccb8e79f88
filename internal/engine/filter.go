package engine

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Filters are the values of --filter by their keys. Of the values of one key
// one has to hold; labels all; and so has each key.
type Filters map[string][]string

// known refuses keys that a list hasn't got.
func (f Filters) known(keys ...string) error {
	for _, key := range slices.Sorted(maps.Keys(f)) {
		switch {
		case key == "":
			return errorf("invalid filter")
		case !slices.Contains(keys, key):
			return errorf("invalid filter '%s'", Printable(key))
		}
	}
	return nil
}

// exact holds a value against those of a key.
func (f Filters) exact(key, have string) bool {
	return len(f[key]) == 0 || slices.Contains(f[key], have)
}

// prefix takes the beginning of a value too.
func (f Filters) prefix(key, have string) bool {
	return len(f[key]) == 0 || slices.ContainsFunc(f[key], func(want string) bool { return strings.HasPrefix(have, want) })
}

// match takes a regular expression for a part of the value; one that is none
// matches what is exactly so.
func (f Filters) match(key, have string) bool {
	return f.exact(key, have) || slices.ContainsFunc(f[key], func(want string) bool {
		found, err := regexp.MatchString(want, have)
		return err == nil && found
	})
}

// labels holds labels against KEY and KEY=VALUE.
func (f Filters) labels(key string, have map[string]string) bool {
	for _, want := range f[key] {
		name, value, valued := strings.Cut(want, "=")
		is, there := have[name]
		if !there || valued && is != value {
			return false
		}
	}
	return true
}

// boolean reads the one value of a key.
func (f Filters) boolean(key string) (value bool, err error) {
	values := slices.Compact(slices.Sorted(slices.Values(f[key])))
	if len(values) > 1 {
		return false, errorf("got more than one value for filter key %q", key)
	}
	switch values[0] {
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	}
	return false, errorf("invalid value for filter '%s', must be \"true\" (or \"1\"), or \"false\" (or \"0\")", key)
}
