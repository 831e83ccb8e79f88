package sandbox

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A device is a node of /dev: one of the host's to bind, or for a privileged
// sandbox the number of one to make.
type device struct {
	path string
	tree tree
	stat *unix.Stat_t // nil for a bind
}

// deviceNames are the few that every program expects.
func deviceNames() []string {
	return []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"}
}

// openDevices takes these from the host; if all is true, the numbers of all the
// others too. A bound node is the host's own: its mount is read-only, which
// leaves the device writable, but keeps the sandbox's root from a chmod that
// would hold for everybody.
func openDevices(all bool) ([]device, error) {
	if all {
		return listDevices()
	}
	var devices []device
	for _, path := range deviceNames() {
		t, err := openTree(path, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC, unix.AT_RECURSIVE)
		if err != nil {
			return nil, err
		}
		devices = append(devices, device{path: path, tree: t})
	}
	return devices, nil
}

// listDevices finds the nodes of the host; terminals are left to the fresh /dev/pts.
func listDevices() ([]device, error) {
	var devices []device
	err := filepath.WalkDir("/dev", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // gone meanwhile
		case entry.IsDir() && (path == "/dev/pts" || path == "/dev/shm" || path == "/dev/mqueue" || path == "/dev/hugepages"):
			return fs.SkipDir
		case entry.Type()&fs.ModeDevice == 0 || path == "/dev/ptmx" || path == "/dev/console":
			return nil
		}
		st := new(unix.Stat_t)
		if unix.Lstat(path, st) == nil {
			devices = append(devices, device{path: path, stat: st})
		}
		return nil
	})
	return devices, err
}

// mountDev makes /dev. Only a privileged sandbox can use nodes that it makes
// there itself.
func (o *order) mountDev(devices []device) error {
	flags := uintptr(unix.MS_NOSUID | unix.MS_STRICTATIME | unix.MS_NOEXEC | unix.MS_NODEV)
	if o.Caps.Privileged {
		flags &^= unix.MS_NODEV
	}
	if err := mount("tmpfs", "/dev", flags, "mode=755,size=65536k"); err != nil {
		return err
	}
	for _, d := range devices {
		if err := d.put(); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
		"ptmx": "pts/ptmx",
	} {
		if err := os.Symlink(target, "/dev/"+name); err != nil {
			return err
		}
	}
	const quiet = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	// Group 5 is tty on every distribution; the group that a new terminal gets.
	if err := mount("devpts", "/dev/pts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"); err != nil {
		return err
	}
	if err := mount("mqueue", "/dev/mqueue", quiet, ""); err != nil {
		return err
	}
	switch {
	case o.Share.NoShm:
		return nil
	case o.shm.File != nil:
		return o.shm.attach(shmDir)
	}
	return mount("tmpfs", shmDir, quiet, "mode=1777,size=65536k")
}

func (d device) put() error {
	if d.stat == nil {
		return d.tree.attach(d.path)
	}
	if err := os.MkdirAll(filepath.Dir(d.path), 0o755); err != nil {
		return err
	}
	if err := unix.Mknod(d.path, d.stat.Mode, int(d.stat.Rdev)); err != nil {
		return fmt.Errorf("mknod %s: %w", d.path, err)
	}
	return os.Lchown(d.path, int(d.stat.Uid), int(d.stat.Gid))
}
