package hosttest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

// coverDir is where this process and those that it starts write what they ran;
// without coverage it is empty.
func coverDir() string {
	dir := flag.Lookup("test.gocoverdir")
	if _, ok := os.LookupEnv("GOCOVERDIR"); !ok || dir == nil {
		return ""
	}
	return dir.Value.String()
}

// ownCoverage gives the flags for a test binary that writes what it ran to a
// directory of its own, and what moves that to ours. A test binary ends with a
// sum of all that lies in its directory: where thousands of processes have
// written, that takes it longer than its test.
func ownCoverage(t *testing.T) (flags []string, gather func()) {
	t.Helper()
	dir := coverDir()
	if dir == "" {
		return nil, func() {}
	}
	own, err := os.MkdirTemp(dir, "machine")
	if err != nil {
		t.Fatal(err)
	}
	return []string{"-test.gocoverdir=" + own}, func() {
		files, err := os.ReadDir(own)
		for _, f := range files {
			if err == nil {
				err = os.Rename(filepath.Join(own, f.Name()), filepath.Join(dir, f.Name()))
			}
		}
		if err == nil {
			err = os.Remove(own)
		}
		if err != nil {
			t.Errorf("what ran in its machine: %v", err)
		}
	}
}
