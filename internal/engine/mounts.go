package engine

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// binds are the host's files that a container sees beside its root.
func binds(spec *Spec) (all []sandbox.Bind) {
	for _, v := range spec.Volumes {
		all = append(all, sandbox.Bind{Source: v.Source, Target: v.Target, ReadOnly: v.ReadOnly})
	}
	for _, m := range spec.Mounts {
		if m.Type == state.BindMount {
			all = append(all, sandbox.Bind{
				Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly,
				Alone: m.Recursive == "disabled", Upper: m.Recursive == "writable",
			})
		}
	}
	return all
}

// tmpfs are a container's file systems in memory.
func tmpfs(spec *Spec) (all []sandbox.Tmpfs) {
	for _, dir := range slices.Sorted(maps.Keys(spec.Tmpfs)) {
		t := sandbox.Tmpfs{Target: filepath.Clean(dir)}
		if options := spec.Tmpfs[dir]; options != "" {
			t.Options = strings.Split(options, ",")
		}
		all = append(all, t)
	}
	for _, m := range spec.Mounts {
		if m.Type == state.TmpfsMount {
			all = append(all, sandbox.Tmpfs{Target: m.Target, Options: tmpfsOptions(m)})
		}
	}
	return all
}

func tmpfsOptions(m state.Mount) (options []string) {
	if m.ReadOnly {
		options = append(options, "ro")
	}
	if m.Size != 0 {
		options = append(options, fmt.Sprintf("size=%d", m.Size))
	}
	if m.Mode != 0 {
		options = append(options, fmt.Sprintf("mode=%o", m.Mode))
	}
	return options
}

// checkMounts refuses what can't be mounted anywhere, with Docker's texts.
func checkMounts(spec *Spec) error {
	for i := range spec.Mounts {
		m := &spec.Mounts[i]
		if err := checkMount(m); err != nil {
			return errorf("invalid mount config for type %q: %v", m.Type, err)
		}
		m.Target = filepath.Clean(m.Target)
	}
	for _, dir := range slices.Sorted(maps.Keys(spec.Tmpfs)) {
		if err := checkTarget(dir); err != nil {
			return errorf("%v", err)
		}
	}
	var targets []string
	for _, t := range tmpfs(spec) {
		if err := t.Check(); err != nil {
			return errorf("%v", err)
		}
		if err := sandbox.CheckTarget("tmpfs", t.Target); err != nil {
			return errorf("%v", err)
		}
		targets = append(targets, t.Target)
	}
	for _, b := range binds(spec) {
		if err := sandbox.CheckTarget(b.Source, filepath.Clean(b.Target)); err != nil {
			return errorf("%v", err)
		}
		targets = append(targets, b.Target)
	}
	slices.Sort(targets)
	for i := 1; i < len(targets); i++ {
		if targets[i] == targets[i-1] {
			return errorf("Duplicate mount point: %s", Printable(targets[i]))
		}
	}
	return nil
}

// checkMount refuses a --mount that makes no sense.
func checkMount(m *state.Mount) error {
	switch {
	case m.Type == "volume":
		return errors.New("there are no volumes here: type=bind shows a directory of the host, type=tmpfs makes one in memory")
	case m.Type != state.BindMount && m.Type != state.TmpfsMount:
		return errors.New("mount type unknown")
	}
	if err := checkTarget(m.Target); err != nil {
		return err
	}
	switch {
	case m.Type == state.TmpfsMount && m.Source != "":
		return errors.New("field Source must not be specified")
	case m.Type == state.TmpfsMount:
		return nil
	case m.Source == "":
		return errors.New("field Source must not be empty")
	case !filepath.IsAbs(m.Source):
		return fmt.Errorf("invalid mount path: '%s' mount path must be absolute", Printable(m.Source))
	}
	switch m.Propagation {
	case "", "private", "rprivate":
		return nil
	case "shared", "rshared", "slave", "rslave":
		return fmt.Errorf("bind-propagation=%s: what is mounted on the host later doesn't come into a container here, nor the other way round", m.Propagation)
	}
	return fmt.Errorf("invalid propagation mode: %s", Printable(m.Propagation))
}

func checkTarget(path string) error {
	switch {
	case !filepath.IsAbs(path):
		return fmt.Errorf("invalid mount path: '%s' mount path must be absolute", Printable(path))
	case filepath.Clean(path) == "/":
		return errors.New("invalid specification: destination can't be '/'")
	}
	return nil
}
