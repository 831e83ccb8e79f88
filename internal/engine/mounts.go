package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
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
		targets = append(targets, t.Target)
	}
	for _, b := range binds(spec) {
		targets = append(targets, b.Target)
	}
	slices.Sort(targets)
	for i := 1; i < len(targets); i++ {
		if targets[i] == targets[i-1] {
			return errorf("Duplicate mount point: %s", printable(targets[i]))
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
		return fmt.Errorf("invalid mount path: '%s' mount path must be absolute", printable(m.Source))
	}
	switch m.Propagation {
	case "", "private", "rprivate":
		return nil
	case "shared", "rshared", "slave", "rslave":
		return fmt.Errorf("bind-propagation=%s: what is mounted on the host later doesn't come into a container here, nor the other way round", m.Propagation)
	}
	return fmt.Errorf("invalid propagation mode: %s", printable(m.Propagation))
}

func checkTarget(path string) error {
	switch {
	case !filepath.IsAbs(path):
		return fmt.Errorf("invalid mount path: '%s' mount path must be absolute", printable(path))
	case filepath.Clean(path) == "/":
		return errors.New("invalid specification: destination can't be '/'")
	}
	return nil
}

// checkSources refuses a --mount of what isn't there, and makes a missing
// folder for -v, as Docker does.
func checkSources(spec *Spec) error {
	for _, m := range spec.Mounts {
		if m.Type != state.BindMount {
			continue
		}
		if _, err := os.Stat(m.Source); errors.Is(err, fs.ErrNotExist) {
			return errorf("invalid mount config for type \"bind\": bind source path does not exist: %s", printable(m.Source))
		} else if err != nil {
			return errorf("invalid mount config for type \"bind\": %v", err)
		}
	}
	for _, v := range spec.Volumes {
		if _, err := os.Stat(v.Source); errors.Is(err, fs.ErrNotExist) {
			if err := os.MkdirAll(v.Source, 0o755); err != nil {
				return err
			}
		} else if err != nil {
			return errorf("invalid mount config for type \"bind\": %v", err)
		}
	}
	return nil
}

// A mountJSON is a mount as inspect tells it, in Docker's keys.
type mountJSON struct {
	Type        string
	Source      string
	Destination string
	Mode        string
	RW          bool
	Propagation string
}

// mountsOf are those of -v and --mount; Docker leaves --tmpfs out.
func mountsOf(spec *state.Spec) []mountJSON {
	mounts := []mountJSON{}
	for _, v := range spec.Volumes {
		m := mountJSON{Type: state.BindMount, Source: v.Source, Destination: v.Target, RW: !v.ReadOnly, Propagation: "rprivate"}
		if v.ReadOnly {
			m.Mode = "ro"
		}
		mounts = append(mounts, m)
	}
	for _, m := range spec.Mounts {
		j := mountJSON{Type: m.Type, Source: m.Source, Destination: m.Target, RW: !m.ReadOnly}
		if m.Type == state.BindMount {
			j.Propagation = "rprivate"
		}
		mounts = append(mounts, j)
	}
	return mounts
}

// A mountSpecJSON is a --mount as it was asked for.
type mountSpecJSON struct {
	Type         string            `json:",omitempty"`
	Source       string            `json:",omitempty"`
	Target       string            `json:",omitempty"`
	ReadOnly     bool              `json:",omitempty"`
	Consistency  string            `json:",omitempty"`
	BindOptions  *bindOptionsJSON  `json:",omitempty"`
	TmpfsOptions *tmpfsOptionsJSON `json:",omitempty"`
}

type bindOptionsJSON struct {
	Propagation            string `json:",omitempty"`
	NonRecursive           bool   `json:",omitempty"`
	ReadOnlyNonRecursive   bool   `json:",omitempty"`
	ReadOnlyForceRecursive bool   `json:",omitempty"`
}

type tmpfsOptionsJSON struct {
	SizeBytes int64  `json:",omitempty"`
	Mode      uint32 `json:",omitempty"`
}

func mountSpecsOf(spec *state.Spec) (all []mountSpecJSON) {
	for _, m := range spec.Mounts {
		j := mountSpecJSON{Type: m.Type, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly, Consistency: m.Consistency}
		bind := bindOptionsJSON{
			Propagation: m.Propagation, NonRecursive: m.Recursive == "disabled",
			ReadOnlyNonRecursive: m.Recursive == "writable", ReadOnlyForceRecursive: m.Recursive == "readonly",
		}
		if bind != (bindOptionsJSON{}) {
			j.BindOptions = &bind
		}
		if m.Size != 0 || m.Mode != 0 {
			j.TmpfsOptions = &tmpfsOptionsJSON{m.Size, m.Mode}
		}
		all = append(all, j)
	}
	return all
}
