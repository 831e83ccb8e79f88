package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
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
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
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
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
