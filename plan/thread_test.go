package plan_test

import (
	"io"
	"runtime"
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

// What ends f without a result ends its caller, in the same way.
func TestOnThreadEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		f    func() error
		want any
	}{
		"panic":  {func() error { panic(io.EOF) }, io.EOF},
		"Goexit": {func() error { runtime.Goexit(); return nil }, nil},
	} {
		reason := make(chan any)
		returned := false
		go func() {
			defer func() { reason <- recover() }()
			_ = plan.OnThread(tt.f)
			returned = true
		}()
		if have := <-reason; have != tt.want || returned {
			t.Errorf("%s: the caller panicked with %v, returned: %t", name, have, returned)
		}
	}
}
