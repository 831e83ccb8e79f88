package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// maxEtcFile is the longest of these files that is edited, in bytes.
const maxEtcFile = 1 << 20

// editOf changes a file of a running container.
func editOf(run *state.Run, spec *state.Spec, path string, edit func(string) string) error {
	place, ours := placeOf(spec, path)
	if !ours {
		return nil
	}
	dir, err := openForEdit(run, place)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, os.ErrProcessDone):
		return nil // its command has just ended
	case err != nil || dir == nil:
		return err
	}
	defer dir.Close()
	name, err := filepath.Rel(place, path)
	if err != nil {
		return err
	}
	if err := editIn(dir, name, edit); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// placeOf is the mount that a file was written into: the container's layer, or a
// tmpfs on top of it. What a person has mounted there is his.
func placeOf(spec *state.Spec, path string) (dir string, ours bool) {
	dir, ours = "/", true
	look := func(target string, tmpfs bool) {
		if target = filepath.Clean(target); len(target) >= len(dir) && (path == target || strings.HasPrefix(path, target+"/")) {
			dir, ours = target, tmpfs && path != target
		}
	}
	for _, t := range tmpfs(spec) {
		look(t.Target, true)
	}
	for _, b := range binds(spec) {
		look(b.Target, false)
	}
	return dir, ours
}

// openForEdit opens such a mount for a change of its files, read-only or not; nil
// when the container has made something else of it.
func openForEdit(run *state.Run, place string) (*os.File, error) {
	root, err := openRoot(run)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	fd, err := unix.Openat2(int(root.Fd()), place, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS,
	})
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	dir := os.NewFile(uintptr(fd), place)
	var st unix.Statfs_t
	err = unix.Fstatfs(fd, &st)
	switch {
	case err == nil && place != "/" && st.Type != unix.TMPFS_MAGIC:
		return nil, dir.Close()
	case err != nil || st.Flags&unix.ST_RDONLY == 0:
		return dir, err
	}
	dir.Close()
	return sandbox.Writable(run.Init.Pid, run.Init.Start, place)
}

// editIn changes a file of a mount; what the container has made of it, a link, a
// device, another mount, is left alone.
func editIn(dir *os.File, path string, edit func(string) string) error {
	how := unix.OpenHow{Flags: unix.O_RDWR | unix.O_CLOEXEC | unix.O_NONBLOCK, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV}
	fd, err := unix.Openat2(int(dir.Fd()), path, &how)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EXDEV) {
		return nil
	}
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxEtcFile+1))
	if err != nil || len(b) > maxEtcFile {
		return err
	}
	text := edit(string(b))
	if text == string(b) {
		return nil
	}
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(text)))
}
