package state_test

import (
	"context"
	"errors"
	"os/exec"
	"testing"
	"time"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// Whoever comes after a verb that was killed sees nothing change any more: a
// program that it had started keeps the next one out until it has ended.
func TestAProgramKeepsTheNextVerbOut(t *testing.T) {
	d := folders(t)
	h, err := state.Lock(t.Context(), d, "first", nil)
	if err != nil {
		t.Fatal(err)
	}
	program := exec.Command("cat")
	program.ExtraFiles = plan.Inherited()
	end, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	if err := h.Unlock(false); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := state.Lock(short, d, "second", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("while the program runs: %v", err)
	}
	end.Close()
	if err := program.Wait(); err != nil {
		t.Fatal(err)
	}
	third, err := state.Lock(t.Context(), d, "third", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := third.Unlock(true); err != nil {
		t.Fatal(err)
	}
}
