package plan_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

func TestOnThreadSparesTheFirst(t *testing.T) {
	for range 200 {
		if err := plan.OnThread(func() error {
			if unix.Gettid() == unix.Getpid() {
				t.Error("on the process's first thread")
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}
