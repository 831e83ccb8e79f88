package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/minibridge/minibridge/internal/engine"
)

// A mountValue is --mount, which may be given several times.
type mountValue struct {
	repeatable
	mounts *[]engine.Mount
}

func (v *mountValue) String() string { return "" }

// Type is what help calls it.
func (v *mountValue) Type() string { return "mount" }

// Set adds one mount.
func (v *mountValue) Set(s string) error {
	m, err := parseMount(s)
	if err == nil {
		*v.mounts = append(*v.mounts, m)
	}
	return err
}

// parseMount reads a --mount as Docker does: fields as in a line of CSV
// (RFC 4180), the last of a key.
func parseMount(s string) (engine.Mount, error) {
	m := engine.Mount{Type: "volume"} // Docker's default
	fields, err := csv.NewReader(strings.NewReader(s)).Read()
	if err != nil {
		return m, err
	}
	used := make(map[string]bool) // kinds of mounts whose options there were
	for _, field := range fields {
		key, value, valued := strings.Cut(field, "=")
		key = strings.ToLower(key)
		if kind, _, of := strings.Cut(key, "-"); of {
			used[kind] = true
		}
		if !valued {
			switch key {
			case "readonly", "ro", "bind-nonrecursive", "volume-nocopy":
				value = "true"
			default:
				return m, fmt.Errorf("invalid field '%s' must be a key=value pair", field)
			}
		}
		if err := setMountField(&m, key, value, field); err != nil {
			return m, err
		}
	}
	return m, checkMountFields(&m, used)
}

func setMountField(m *engine.Mount, key, value, field string) (err error) {
	switch key {
	case "type":
		m.Type = strings.ToLower(value)
	case "source", "src":
		m.Source = value
		if strings.HasPrefix(value, ".") {
			m.Source, err = filepath.Abs(value)
		}
	case "target", "dst", "destination":
		m.Target = value
	case "readonly", "ro":
		m.ReadOnly, err = mountBool(key, value)
	case "consistency":
		m.Consistency = strings.ToLower(value)
	case "bind-propagation":
		m.Propagation = strings.ToLower(value)
	case "bind-nonrecursive":
		var alone bool
		if alone, err = mountBool(key, value); alone {
			m.Recursive = "disabled"
		}
	case "bind-recursive":
		return setRecursive(m, value)
	case "volume-nocopy":
		_, err = mountBool(key, value)
	case "volume-subpath", "volume-driver", "volume-label", "volume-opt", "image-subpath":
	case "tmpfs-size":
		if m.Size, err = units.RAMInBytes(value); err != nil {
			return fmt.Errorf("invalid value for %s: %s", key, value)
		}
	case "tmpfs-mode":
		mode, err := strconv.ParseUint(value, 8, 32)
		if err != nil {
			return fmt.Errorf("invalid value for %s: %s", key, value)
		}
		m.Mode = uint32(mode)
	default:
		return fmt.Errorf("unexpected key '%s' in '%s'", key, field)
	}
	return err
}

func setRecursive(m *engine.Mount, value string) error {
	switch value {
	case "enabled":
		m.Recursive = ""
	case "disabled", "writable", "readonly":
		m.Recursive = value
	default:
		return fmt.Errorf(`invalid value for bind-recursive: %s (must be "enabled", "disabled", "writable", or "readonly")`, value)
	}
	return nil
}

func mountBool(key, value string) (bool, error) {
	b, err := strconv.ParseBool(value)
	if err != nil {
		return false, fmt.Errorf("invalid value for %s: %s", key, value)
	}
	return b, nil
}

// checkMountFields refuses fields that can't be together.
func checkMountFields(m *engine.Mount, used map[string]bool) error {
	switch {
	case m.Type == "":
		return errors.New("type is required")
	case m.Target == "":
		return errors.New("target is required")
	}
	for _, kind := range []string{"volume", "bind", "tmpfs", "image"} {
		if used[kind] && m.Type != kind {
			return fmt.Errorf("cannot mix '%s-*' options with mount type '%s'", kind, m.Type)
		}
	}
	needs := func(other string) error {
		return fmt.Errorf("option 'bind-recursive=%s' requires '%s' to be specified in conjunction", m.Recursive, other)
	}
	switch {
	case (m.Recursive == "writable" || m.Recursive == "readonly") && !m.ReadOnly:
		return needs("readonly")
	case m.Recursive == "readonly" && m.Propagation != "rprivate":
		return needs("bind-propagation=rprivate")
	}
	return nil
}

// A tmpfsValue is --tmpfs: DIR[:OPTIONS], the last of a directory.
type tmpfsValue struct{ all *map[string]string }

func (v *tmpfsValue) String() string { return "" }

// Type is what help calls it.
func (v *tmpfsValue) Type() string { return "list" }

// Set adds one.
func (v *tmpfsValue) Set(s string) error {
	if *v.all == nil {
		*v.all = make(map[string]string)
	}
	dir, options, _ := strings.Cut(s, ":")
	maps.DeleteFunc(*v.all, func(other, _ string) bool { return filepath.Clean(other) == filepath.Clean(dir) })
	(*v.all)[dir] = options
	return nil
}

// bindMounts gives the flags about files of the container their places.
func (f *runFlags) bindMounts(flags *pflag.FlagSet) {
	flags.Var(&mountValue{mounts: &f.spec.Mounts}, "mount", "show a host directory, or make one in memory: type=bind|tmpfs,src=SOURCE,dst=TARGET[,readonly …]")
	flags.Var(&tmpfsValue{&f.spec.Tmpfs}, "tmpfs", "make a directory in memory: TARGET[:size=1m,mode=700 …]")
	flags.BoolVar(&f.spec.ReadOnly, "read-only", false, "keep the container from writing to its root file system")
}
