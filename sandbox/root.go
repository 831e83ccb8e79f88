package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// buildRoot makes the file system of the sandbox and moves into it. First all
// that comes from the host is opened, then the host is left, then the rest is
// made inside: there no symbolic link of the tree can point at the host. It
// returns what is still to be attached, once /sys is there.
func (o *order) buildRoot() (late []bound, err error) {
	// Nothing that happens here reaches the host, nor the other way round.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("mount --make-rprivate /: %w", err)
	}
	parts, err := o.open()
	if err != nil {
		return nil, err
	}
	if err := pivot(parts.root, o.Root.Layers); err != nil {
		return nil, err
	}
	for _, m := range parts.mounts {
		// One that the sandbox itself has put something else in the place of, is left out.
		_ = m.attach(m.Name())
	}
	if err := o.hide(); err != nil {
		return nil, err
	}
	if err := mountFresh(o.Caps.Privileged, o.ofHost(), parts.devices); err != nil {
		return nil, err
	}
	if err := writeFiles(o.Files); err != nil {
		return nil, err
	}
	early, late := splitBinds(parts.binds)
	return late, attachBinds(early)
}

// parts is what the sandbox gets of the host.
type parts struct {
	root    tree
	mounts  []tree // of other file systems, named by where they go
	binds   []bound
	devices []device
}

func (o *order) ofHost() bool { return o.Root.Dir == "" || o.Root.Dir == "/" }

func (o *order) open() (*parts, error) {
	for _, dir := range []string{o.Root.Layers + "/upper", o.Root.Layers + "/work"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	p := new(parts)
	var err error
	if p.devices, err = openDevices(o.Caps.Privileged); err != nil {
		return nil, err
	}
	if p.binds, err = openBinds(o.Binds, o.Caps.Privileged); err != nil {
		return nil, err
	}
	if !o.ofHost() {
		p.root, err = overlay(o.Root.Dir, o.Root.Layers, unix.MOUNT_ATTR_NODEV)
		return p, err
	}
	if p.root, err = overlay("/", o.Root.Layers, unix.MOUNT_ATTR_NODEV); err != nil {
		return nil, err
	}
	p.mounts, err = o.openHostMounts()
	return p, err
}

// pivot makes root the root of the mount namespace (pivot_root(2), the way of
// its last example: the old root lies on top of the new one for a moment).
// place is any directory, to mount it on until then.
func pivot(root tree, place string) error {
	if err := root.attach(place); err != nil {
		return err
	}
	if err := unix.Chdir(place); err != nil {
		return fmt.Errorf("chdir %s: %w", place, err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root %s: %w", place, err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("umount -l of the host's root: %w", err)
	}
	return unix.Chdir("/")
}

// hide covers directories with an empty one.
func (o *order) hide() error {
	if !o.ofHost() {
		return nil
	}
	for _, dir := range o.Root.Hide {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() || freshDir(dir) {
			continue // not there to be seen
		}
		if err := mount("tmpfs", dir, unix.MS_RDONLY|unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOEXEC, "size=4k,mode=700"); err != nil {
			return err
		}
	}
	return nil
}

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
		if b.ReadOnly {
			attrs |= unix.MOUNT_ATTR_RDONLY
		}
		t, err := openTree(b.Source, attrs)
		if err != nil {
			return nil, err
		}
		all[i] = bound{t, filepath.Clean(b.Target)}
	}
	return all, nil
}

// A bound is the source of a bind, and where it goes.
type bound struct {
	tree
	target string
}

// splitBinds puts those apart that go over /sys, or into it.
func splitBinds(binds []bound) (early, late []bound) {
	for _, b := range binds {
		if within(b.target, "/sys") {
			late = append(late, b)
			continue
		}
		early = append(early, b)
	}
	return early, late
}

// attachBinds mounts them, parents before children.
func attachBinds(binds []bound) error {
	depth := func(b bound) int { return strings.Count(b.target, "/") }
	slices.SortStableFunc(binds, func(a, b bound) int { return depth(a) - depth(b) })
	for _, b := range binds {
		if err := b.attach(b.target); err != nil {
			return err
		}
	}
	return nil
}
