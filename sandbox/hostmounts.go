package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// fresh are the directories that the sandbox has of its own.
var fresh = []string{"/proc", "/sys", "/dev", "/run"}

func freshDir(path string) bool {
	return slices.ContainsFunc(fresh, func(dir string) bool { return within(path, dir) })
}

// windows are file systems that hold no files but show the kernel, or the
// host's processes: no copy of them makes sense elsewhere.
var windows = []string{
	"autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs",
	"efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs",
	"selinuxfs", "sysfs", "tracefs",
}

// remote are beginnings of types whose server may never answer.
var remote = []string{"9p", "afs", "ceph", "cifs", "coda", "fuse", "gluster", "lustre", "ncp", "nfs", "smb", "virtiofs"}

// patience is how long a remote file system may take to answer; then it is
// left out.
const patience = 500 * time.Millisecond

// openHostMounts gives an overlay for each file system mounted on the host,
// and where overlay can't, a read-only bind. What can't be had at all (hidden
// below another mount, dead, gone meanwhile) is left out: an odd mount
// somewhere is no reason not to start.
func (o *order) openHostMounts() ([]tree, error) {
	all, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, err
	}
	infos := o.shown(all)
	slices.SortFunc(infos, func(a, b *mountinfo.Info) int { return strings.Compare(a.Mountpoint, b.Mountpoint) })
	var trees []tree
	for _, m := range infos {
		open := o.openHostMount
		if slices.ContainsFunc(remote, func(t string) bool { return strings.HasPrefix(m.FSType, t) }) {
			open = o.openRemoteMount
		}
		if t, err := open(m); err == nil {
			trees = append(trees, t)
		}
	}
	return trees, nil
}

// shown chooses the mounts that the sandbox gets to see.
func (o *order) shown(all []*mountinfo.Info) []*mountinfo.Info {
	run, hidden := locate("/run", all), make([]place, len(o.Root.Hide))
	for i, dir := range o.Root.Hide {
		hidden[i] = locate(dir, all)
	}
	return slices.DeleteFunc(all, func(m *mountinfo.Info) bool {
		path := m.Mountpoint
		_, replaced := o.Files[path]
		return path == "/" || replaced || freshDir(path) || slices.Contains(windows, m.FSType) ||
			within(path, o.Root.Layers) || run.againIn(m) ||
			slices.ContainsFunc(hidden, func(p place) bool { return within(path, p.path) || p.againIn(m) || p.holds(m) })
	})
}

// A place is a directory, and what it is on.
type place struct {
	path   string
	mount  *mountinfo.Info
	inside string // its path in that file system
}

// locate finds the place of a directory: on the last of the longest mount points.
func locate(dir string, all []*mountinfo.Info) place {
	p := place{path: dir}
	for _, m := range all {
		if within(dir, m.Mountpoint) && (p.mount == nil || len(m.Mountpoint) >= len(p.mount.Mountpoint)) {
			p.mount = m
		}
	}
	if p.mount != nil {
		p.inside = filepath.Join(p.mount.Root, strings.TrimPrefix(dir, p.mount.Mountpoint))
	}
	return p
}

// againIn tells whether a mount shows the place under another name, as after
// `mount --bind /run /srv/chroot/run`.
func (p place) againIn(m *mountinfo.Info) bool {
	return p.sameDevice(m) && within(p.inside, m.Root) &&
		filepath.Join(m.Mountpoint, strings.TrimPrefix(p.inside, m.Root)) != p.path
}

// holds tells whether a mount shows what is in the place.
func (p place) holds(m *mountinfo.Info) bool { return p.sameDevice(m) && within(m.Root, p.inside) }

func (p place) sameDevice(m *mountinfo.Info) bool {
	return p.mount != nil && m.Major == p.mount.Major && m.Minor == p.mount.Minor
}

// openHostMount opens one mount: an overlay of a directory, if it can be, else
// a bind.
func (o *order) openHostMount(m *mountinfo.Info) (tree, error) {
	f, err := os.OpenFile(m.Mountpoint, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return tree{}, err
	}
	defer f.Close()
	var st unix.Statx_t
	err = unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_MNT_ID|unix.STATX_TYPE, &st)
	if err != nil {
		return tree{}, err
	}
	if st.Mnt_id != uint64(m.ID) {
		return tree{}, errors.New("hidden by another mount")
	}
	attrs := mountAttrs(m.Options)
	if st.Mode&unix.S_IFMT == unix.S_IFDIR && attrs&unix.MOUNT_ATTR_RDONLY == 0 {
		if t, err := overlayOn(f, o.Root.Layers, attrs); err == nil {
			return t, nil
		}
	}
	fd, err := unix.OpenTree(int(f.Fd()), "", unix.AT_EMPTY_PATH|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return tree{}, err
	}
	return newTree(fd, m.Mountpoint, uint64(attrs)|unix.MOUNT_ATTR_RDONLY)
}

// openRemoteMount does the same with a deadline. The thread of one that
// doesn't answer hangs in the kernel until execve ends it; what comes too late
// is closed.
func (o *order) openRemoteMount(m *mountinfo.Info) (tree, error) {
	type result struct {
		tree
		err error
	}
	done, late := make(chan result), make(chan struct{})
	go func() {
		t, err := o.openHostMount(m)
		select {
		case done <- result{t, err}:
		case <-late:
			t.Close()
		}
	}()
	select {
	case r := <-done:
		return r.tree, r.err
	case <-time.After(patience):
		close(late)
		return tree{}, os.ErrDeadlineExceeded
	}
}

// mountAttrs keeps what the host forbids on a mount; devices are never there.
func mountAttrs(options string) int {
	attrs := unix.MOUNT_ATTR_NODEV
	for opt := range strings.SplitSeq(options, ",") {
		switch opt {
		case "ro":
			attrs |= unix.MOUNT_ATTR_RDONLY
		case "nosuid":
			attrs |= unix.MOUNT_ATTR_NOSUID
		case "noexec":
			attrs |= unix.MOUNT_ATTR_NOEXEC
		}
	}
	return attrs
}
