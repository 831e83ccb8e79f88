package state_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/minibridge/minibridge/internal/state"
)

// Who waits at a door may lose patience; he keeps nobody out after that.
func TestTheWaitAtADoor(t *testing.T) {
	dirs := state.Dirs{Run: t.TempDir()}
	if err := os.MkdirAll(dirs.Running("id"), 0o700); err != nil {
		t.Fatal(err)
	}
	within, err := dirs.ComeIn(t.Context(), "id")
	if err != nil {
		t.Fatal(err)
	}
	impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := dirs.KeepOut(impatient, "id"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who is kept waiting gets: %v", err)
	}
	other, err := dirs.ComeIn(t.Context(), "id")
	if err := errors.Join(err, within.Close(), other.Close()); err != nil {
		t.Fatal(err)
	}
	alone, err := dirs.KeepOut(t.Context(), "id")
	if err == nil {
		_, err = dirs.ComeIn(impatient, "id")
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who is kept out gets: %v", err)
	}
	if err := alone.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := dirs.ComeIn(t.Context(), "id")
	if err := errors.Join(err, again.Close()); err != nil {
		t.Error(err)
	}
}
