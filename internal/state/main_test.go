package state_test

import (
	"os"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/state"
)

func TestMain(m *testing.M) {
	if dirs, ok := os.LookupEnv(holderEnv); ok {
		holdLock(dirs)
	}
	hosttest.Main(m)
}

// folders are two of the test's own.
func folders(t testing.TB) state.Dirs {
	t.Helper()
	dir := t.TempDir()
	d := state.Dirs{Root: dir + "/root", Run: dir + "/run"}
	if err := d.Make(); err != nil {
		t.Fatal(err)
	}
	return d
}

// lock takes the lock, which must be free, until the test ends.
func lock(t testing.TB, d state.Dirs) *state.Held {
	t.Helper()
	h, err := state.Lock(t.Context(), d, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Unlock(true) })
	return h
}

func write(t testing.TB, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func content(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
