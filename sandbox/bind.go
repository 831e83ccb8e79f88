package sandbox

import (
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// openBinds copies the mounts of the sources. Devices among them stay dead:
// without a device cgroup, a command that may mknod could open any other there.
// A privileged one has them anyway.
func openBinds(binds []Bind, privileged bool) ([]bound, error) {
	all := make([]bound, len(binds))
	for i, b := range binds {
		attrs := uint64(unix.MOUNT_ATTR_NODEV)
		if privileged {
			attrs = 0
		}
		if b.ReadOnly && !b.Upper {
			attrs |= unix.MOUNT_ATTR_RDONLY
		}
		below := uint(unix.AT_RECURSIVE)
		if b.Alone {
			below = 0
		}
		t, err := openTree(b.Source, attrs, below)
		if err != nil {
			return nil, err
		}
		all[i] = bound{tree: t, target: filepath.Clean(b.Target), seal: b.ReadOnly && b.Upper}
	}
	return all, nil
}

// A bound is the source of a bind, or a tmpfs, and where it goes.
type bound struct {
	tree
	target string
	at     string // where that leads to
	seal   bool   // make it read-only when it is there
	tmpfs  bool
	mode   bool // a tmpfs that was given one
}

// attachBinds mounts them, parents before children, and gives back those that go
// over /sys, or into it: that is not there yet.
func (o *order) attachBinds(binds []bound) (late []bound, err error) {
	depth := func(b bound) int { return strings.Count(b.target, "/") }
	slices.SortStableFunc(binds, func(a, b bound) int { return depth(a) - depth(b) })
	for _, b := range binds {
		if b.at, err = follow(b.target); err != nil {
			return nil, err
		}
		if within(b.at, "/sys") {
			late = append(late, b)
			continue
		}
		if err := o.attachBind(b); err != nil {
			return nil, err
		}
	}
	return late, nil
}

// attachLate mounts these.
func (o *order) attachLate(late []bound) error {
	for _, b := range late {
		if err := o.attachBind(b); err != nil {
			return err
		}
	}
	return nil
}

// attachBind mounts one. A tmpfs over the directory of one of the sandbox's own
// files gets that file.
func (o *order) attachBind(b bound) error {
	if err := b.check(); err != nil {
		return err
	}
	if b.tmpfs {
		if err := b.fill(); err != nil {
			return err
		}
	}
	sealed := base{}
	if b.seal {
		if err := sealed.keep(b.File); err != nil {
			return err
		}
	}
	if err := o.keepDevices(b); err != nil {
		return err
	}
	if err := b.attachAt(b.at); err != nil {
		return err
	}
	if err := o.covered(b); err != nil {
		return err
	}
	if b.tmpfs {
		files := make(map[string]string)
		for path, content := range o.Files {
			dir, err := follow(filepath.Dir(path))
			if err != nil {
				return err
			}
			if within(dir, b.at) {
				files[path] = content
			}
		}
		if err := writeFiles(files); err != nil {
			return err
		}
	}
	return sealed.seal()
}

// covered does what has to be done when one of the sandbox's own file systems
// is covered: another /proc or /sys has the same in it to be withheld.
func (o *order) covered(b bound) error {
	switch b.at {
	case "/proc":
		return o.guardProc()
	case "/sys":
		return o.guardSys()
	case "/dev":
		o.overDev = b.Name()
	}
	return nil
}
