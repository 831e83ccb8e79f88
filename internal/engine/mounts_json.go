package engine

import (
	"io/fs"

	"github.com/minibridge/minibridge/internal/state"
)

// A mountJSON is a mount as inspect tells it, in Docker's keys.
type mountJSON struct {
	Type        string
	Name        string `json:",omitempty"`
	Source      string
	Destination string
	Driver      string `json:",omitempty"`
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
	Type        string           `json:",omitempty"`
	Source      string           `json:",omitempty"`
	Target      string           `json:",omitempty"`
	ReadOnly    bool             `json:",omitempty"`
	Consistency string           `json:",omitempty"`
	BindOptions *bindOptionsJSON `json:",omitempty"`

	VolumeOptions  none              `json:",omitempty"`
	ImageOptions   none              `json:",omitempty"`
	TmpfsOptions   *tmpfsOptionsJSON `json:",omitempty"`
	ClusterOptions none              `json:",omitempty"`
}

type bindOptionsJSON struct {
	Propagation            string `json:",omitempty"`
	NonRecursive           bool   `json:",omitempty"`
	CreateMountpoint       bool   `json:",omitempty"`
	ReadOnlyNonRecursive   bool   `json:",omitempty"`
	ReadOnlyForceRecursive bool   `json:",omitempty"`
}

type tmpfsOptionsJSON struct {
	SizeBytes int64       `json:",omitempty"`
	Mode      fs.FileMode `json:",omitempty"`
	Options   [][]string  `json:",omitempty"`
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
			j.TmpfsOptions = &tmpfsOptionsJSON{SizeBytes: m.Size, Mode: fs.FileMode(m.Mode)}
		}
		all = append(all, j)
	}
	return all
}
