package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// overlay makes an overlay of lower; its upper layer is a directory of layers
// that is named after lower, and found again by the next sandbox that gets the
// same layers.
func overlay(lower, layers string, attrs int) (tree, error) {
	f, err := openDir(lower)
	if err != nil {
		return tree{}, fmt.Errorf("root file system %q: %w", lower, err)
	}
	defer f.Close()
	return overlayOn(f, layers, attrs)
}

// overlayOn makes an overlay of an open directory.
func overlayOn(lower *os.File, layers string, attrs int) (tree, error) {
	name := layerName(lower.Name())
	upper, isNew, err := layerDir(layers+"/upper", name)
	if err != nil {
		return tree{}, err
	}
	defer upper.Close()
	work, _, err := layerDir(layers+"/work", name)
	if err != nil {
		return tree{}, err
	}
	defer work.Close()
	if isNew {
		if err := copyOwner(lower, upper); err != nil {
			return tree{}, err
		}
	}
	return mountOverlay(lower, upper, work, attrs)
}

// Upper is the directory of the host that holds what the sandbox changed of its
// root file system itself, without what is mounted in it.
func (r Root) Upper() string {
	return filepath.Join(r.Layers, "upper", layerName(filepath.Join("/", r.Dir)))
}

// layerName is a mount point as one file name: /srv/my-data is root-srv-my%2ddata.
func layerName(path string) string {
	return strings.NewReplacer("%", "%25", "-", "%2d", "/", "-").Replace("root" + strings.TrimSuffix(path, "/"))
}

// layerDir opens a directory of the layers, and tells whether it made it.
func layerDir(dir, name string) (f *os.File, isNew bool, err error) {
	path := dir + "/" + name
	err = unix.Mkdir(path, 0o700)
	if err != nil && err != unix.EEXIST {
		return nil, false, &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	isNew = err == nil
	if f, err = openDir(path); err != nil {
		return nil, false, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return f, isNew, nil
}

// openDir is os.Open without its attempt to poll, which a directory refuses.
func openDir(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// copyOwner gives a new upper directory the owner and mode of the lower one:
// what the overlay shows of its own root are the upper's. Later they are the
// sandbox's to change.
func copyOwner(lower, upper *os.File) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(lower.Fd()), &st); err != nil {
		return fmt.Errorf("stat %s: %w", lower.Name(), err)
	}
	if err := upper.Chown(int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	return unix.Fchmod(int(upper.Fd()), st.Mode&0o7777)
}

// mountOverlay names the directories by descriptor: no colon or comma in a
// path can be taken for a separator, and the sandbox's /proc/mounts shows no
// path of the host.
func mountOverlay(lower, upper, work *os.File, attrs int) (tree, error) {
	ctx, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return tree{}, fmt.Errorf("overlay: %w (modprobe overlay)", err)
	}
	defer unix.Close(ctx)
	set := func(key, value string) {
		if err == nil {
			err = unix.FsconfigSetString(ctx, key, value)
		}
	}
	set("source", "overlay")
	set("lowerdir", byDescriptor(lower))
	set("upperdir", byDescriptor(upper))
	set("workdir", byDescriptor(work))
	set("index", "off") // else a layer is busy until the sandbox before is wholly gone
	if err == nil {
		err = unix.FsconfigCreate(ctx)
	}
	if err != nil {
		return tree{}, fmt.Errorf("overlay over %s: %w%s", lower.Name(), err, reason(ctx))
	}
	fd, err := unix.Fsmount(ctx, unix.FSMOUNT_CLOEXEC, attrs)
	if err != nil {
		return tree{}, fmt.Errorf("overlay over %s: %w", lower.Name(), err)
	}
	return tree{File: os.NewFile(uintptr(fd), lower.Name()), isDir: true}, nil
}

func byDescriptor(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// reason is what the kernel has to say about a file system that can't be
// mounted (it can be read from the context since Linux 5.2; overlay itself
// writes there since 6.5, to dmesg before).
func reason(ctx int) string {
	buf := make([]byte, 512)
	n, err := unix.Read(ctx, buf)
	if err != nil || n <= 2 {
		return ""
	}
	return " (" + strings.TrimSpace(string(buf[2:n])) + ")" // "e " before an error, "w " before a warning
}
