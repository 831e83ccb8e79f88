package sandbox

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Tmpfs is a file system in memory that the sandbox has of its own. It is
// empty at each start.
type Tmpfs struct {
	Target string // absolute, inside; made when missing
	// Options are as mount(8) takes them: size=1m, mode=700, ro, exec. Unless
	// they say otherwise it is nosuid and noexec; nodev it is for all but a
	// privileged sandbox. Without a mode it takes that of the directory which
	// it covers.
	Options []string
}

// tmpfsFlags are the words among the options, and the attributes that they add
// to the mount or take away. Those of propagation say nothing here: no mount of
// a sandbox has peers.
var tmpfsFlags = map[string]struct{ add, clear int }{
	"ro": {add: unix.MOUNT_ATTR_RDONLY}, "rw": {clear: unix.MOUNT_ATTR_RDONLY},
	"nosuid": {add: unix.MOUNT_ATTR_NOSUID}, "suid": {clear: unix.MOUNT_ATTR_NOSUID},
	"nodev": {add: unix.MOUNT_ATTR_NODEV}, "dev": {clear: unix.MOUNT_ATTR_NODEV},
	"noexec": {add: unix.MOUNT_ATTR_NOEXEC}, "exec": {clear: unix.MOUNT_ATTR_NOEXEC},
	"noatime": {unix.MOUNT_ATTR_NOATIME, unix.MOUNT_ATTR__ATIME}, "atime": {clear: unix.MOUNT_ATTR_NOATIME},
	"relatime": {clear: unix.MOUNT_ATTR__ATIME}, "norelatime": {},
	"strictatime": {unix.MOUNT_ATTR_STRICTATIME, unix.MOUNT_ATTR__ATIME}, "nostrictatime": {clear: unix.MOUNT_ATTR_STRICTATIME},
	"nodiratime": {add: unix.MOUNT_ATTR_NODIRATIME}, "diratime": {clear: unix.MOUNT_ATTR_NODIRATIME},
	"": {}, "defaults": {}, "async": {}, "sync": {}, "dirsync": {}, "mand": {}, "nomand": {},
	"private": {}, "rprivate": {}, "shared": {}, "rshared": {}, "slave": {}, "rslave": {}, "unbindable": {}, "runbindable": {},
}

// tmpfsValues are the options with a value (tmpfs(5)).
var tmpfsValues = []string{"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"}

// Check says, with Docker's text, which options are none.
func (t Tmpfs) Check() error {
	var bad []string
	for _, option := range t.Options {
		key, _, valued := strings.Cut(option, "=")
		_, word := tmpfsFlags[option]
		if !word && (!valued || !slices.Contains(tmpfsValues, key)) {
			bad = append(bad, option)
		}
	}
	if bad != nil {
		return fmt.Errorf("invalid tmpfs option %q", bad)
	}
	return nil
}

// attrs are the attributes of the mount.
func (t Tmpfs) attrs(privileged bool) int {
	attrs := unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	for _, option := range t.Options {
		flag := tmpfsFlags[option]
		attrs = attrs&^flag.clear | flag.add
	}
	if !privileged {
		attrs |= unix.MOUNT_ATTR_NODEV
	}
	return attrs
}

// open makes it, a mount that is nowhere yet.
func (t Tmpfs) open(privileged bool) (bound, error) {
	failed := func(err error, why string) error {
		return fmt.Errorf("error mounting \"tmpfs\" to rootfs at %q: %w%s", t.Target, err, why)
	}
	ctx, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return bound{}, failed(err, "")
	}
	defer unix.Close(ctx)
	b := bound{target: t.Target, tmpfs: true}
	err = unix.FsconfigSetString(ctx, "source", "tmpfs")
	for _, option := range t.Options {
		key, value, valued := strings.Cut(option, "=")
		switch {
		case err != nil:
		case valued:
			b.mode = b.mode || key == "mode"
			err = unix.FsconfigSetString(ctx, key, value)
		case option == "sync" || option == "dirsync":
			err = unix.FsconfigSetFlag(ctx, option)
		}
	}
	if err == nil {
		err = unix.FsconfigCreate(ctx)
	}
	if err != nil {
		return bound{}, failed(err, reason(ctx))
	}
	attrs := t.attrs(privileged)
	b.seal = attrs&unix.MOUNT_ATTR_RDONLY != 0
	fd, err := unix.Fsmount(ctx, unix.FSMOUNT_CLOEXEC, attrs&^unix.MOUNT_ATTR_RDONLY)
	if err != nil {
		return bound{}, failed(err, "")
	}
	b.tree = tree{File: os.NewFile(uintptr(fd), "tmpfs"), isDir: true}
	return b, nil
}

// fill gives a tmpfs the mode of the directory that it is about to cover,
// unless it was given one.
func (b bound) fill() error {
	var st unix.Stat_t
	if b.mode || unix.Stat(b.target, &st) != nil {
		return nil
	}
	fd, err := unix.Openat(int(b.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("tmpfs for %s: %w", b.target, err)
	}
	defer unix.Close(fd)
	return unix.Fchmod(fd, st.Mode&0o7777)
}
