package plan

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// OnThread calls f on an operating system thread of its own, which ends
// afterwards: f may give it another namespace, and may only make system calls,
// as what it starts on other goroutines runs elsewhere. A panic of f and its
// [runtime.Goexit], which t.Fatal is, are the caller's.
//
// It is never the process's first thread: that one can't end (Go parks it for
// ever), and /proc/self/ns would show the foreign namespace.
func OnThread(f func() error) error {
	return elsewhere(func() error {
		runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			return OnThread(f) // on another one, as this one is held meanwhile
		}
		return f()
	})
}

// elsewhere calls f on a goroutine of its own, and waits for it.
func elsewhere(f func() error) (err error) {
	type exits struct{}
	done := make(chan any) // what f panicked with; nil when it returned
	go func() {
		var end any = exits{}
		defer func() {
			if reason := recover(); reason != nil {
				end = reason
			}
			done <- end
		}()
		err = f()
		end = nil
	}()
	switch end := (<-done).(type) {
	case nil:
	case exits:
		runtime.Goexit()
	default:
		panic(end)
	}
	return err
}
