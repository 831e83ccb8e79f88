package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// writeFiles puts new files in place of those that are there. A rename replaces
// a symbolic link, which on many hosts /etc/resolv.conf is, where writing would
// follow it.
func writeFiles(files map[string]string) error {
	for path, content := range files {
		if err := writeFile(path, content); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func writeFile(path, content string) error {
	dir, err := makeRoom(filepath.Dir(path))
	if err != nil {
		return err
	}
	path = filepath.Join(dir, filepath.Base(path))
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = replace(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// replace renames a file over whatever the sandbox has there.
func replace(file, path string) error {
	err := os.Rename(file, path)
	if !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.EISDIR) {
		return err
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return os.Rename(file, path)
}

// makeRoom makes a directory as makeDir does. A file in the place of one goes,
// and so does a link to where no file can be.
func makeRoom(dir string) (string, error) {
	at, err := makeDir(dir)
	if err == nil && !within(at, "/proc") && !within(at, "/sys") {
		return at, nil
	}
	if info, err := os.Lstat(dir); err == nil && !info.IsDir() {
		if err := os.Remove(dir); err != nil {
			return "", err
		}
	}
	return makeDir(dir)
}
