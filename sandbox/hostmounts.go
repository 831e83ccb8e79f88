package sandbox

import (
	"errors"
	"os"
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
	infos, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		return !o.shows(m), false
	})
	if err != nil {
		return nil, err
	}
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

func (o *order) shows(m *mountinfo.Info) bool {
	path := m.Mountpoint
	_, replaced := o.Files[path]
	hidden := slices.ContainsFunc(o.Root.Hide, func(dir string) bool { return within(path, dir) })
	return path != "/" && !replaced && !hidden && !within(path, o.Root.Layers) && !freshDir(path) &&
		!slices.Contains(windows, m.FSType)
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
// doesn't answer hangs in the kernel until execve ends it.
func (o *order) openRemoteMount(m *mountinfo.Info) (tree, error) {
	type result struct {
		tree
		err error
	}
	done := make(chan result, 1)
	go func() {
		t, err := o.openHostMount(m)
		done <- result{t, err}
	}()
	select {
	case r := <-done:
		return r.tree, r.err
	case <-time.After(patience):
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
