package engine

import (
	"errors"
	"fmt"
	"os"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// writeCIDFile writes the id where --cidfile says, into a file that must be
// new. One that can't be written goes again: it would keep the next run out.
func writeCIDFile(c *state.Container) error {
	path := c.Spec.CIDFile
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return foundCIDFile(path)
	}
	if err != nil {
		return errorf("failed to create the container ID file: %v", err)
	}
	_, err = f.WriteString(c.ID)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("failed to write the container ID to the file: %w", err), os.Remove(path))
	}
	return nil
}

// checkCIDFile refuses one that is there already.
func checkCIDFile(path string) error {
	if path == "" {
		return nil
	}
	if _, err := os.Lstat(path); err == nil {
		return foundCIDFile(path)
	}
	return nil
}

func foundCIDFile(path string) error {
	found := errorf("container ID file found, make sure the other container isn't running or delete %s", path)
	if holdsID(path) {
		return found.hint("rm %s", plan.Quote(path))
	}
	return found
}

// holdsID says that a file is the one of another run: anything else in that
// place is nothing to remove lightly.
func holdsID(path string) bool {
	info, err := os.Stat(path)
	if err != nil || info.Size() != 64 || !info.Mode().IsRegular() {
		return false
	}
	b, err := os.ReadFile(path)
	return err == nil && isID(string(b))
}

// removeCIDFile takes the file of a run that failed back.
func removeCIDFile(c *state.Container) error {
	if c.Spec.CIDFile == "" {
		return nil
	}
	return os.Remove(c.Spec.CIDFile)
}
