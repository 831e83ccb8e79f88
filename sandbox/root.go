package sandbox

import (
	"fmt"
	"os"

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
	if err := o.keepBase(parts); err != nil {
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
	if err := o.mountFresh(parts.devices); err != nil {
		return nil, err
	}
	if o.ReadOnly && o.ofHost() {
		if err := o.base.keepAt("/run"); err != nil {
			return nil, err
		}
	}
	if err := writeFiles(o.Files); err != nil {
		return nil, err
	}
	if late, err = o.attachBinds(parts.binds); err != nil {
		return nil, err
	}
	if err := o.putBack(); err != nil {
		return nil, err
	}
	return late, o.checkDev()
}

// keepBase remembers what a read-only root file system is made of.
func (o *order) keepBase(p *parts) error {
	if !o.ReadOnly {
		return nil
	}
	for _, m := range append([]tree{p.root}, p.mounts...) {
		if err := o.base.keep(m.File); err != nil {
			return err
		}
	}
	return nil
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
	if o.Share.IPC {
		o.shm, _ = openTree(shmDir, shmAttrs, 0) // a host without has none to share
	}
	if p.binds, err = openBinds(o.Binds, o.Caps.Privileged); err != nil {
		return nil, err
	}
	for _, t := range o.Tmpfs {
		b, err := t.open(o.Caps.Privileged)
		if err != nil {
			return nil, err
		}
		p.binds = append(p.binds, b)
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
