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
	return onThread(func() (bool, error) { return false, f() })
}

// onThread lets the thread live on when f says that it is as it was: to make
// one and to end it costs more than most that is done on it.
func onThread(f func() (asBefore bool, err error)) (err error) {
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
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			err = onThread(f) // on another one, as this one is held meanwhile
			end = nil
			return
		}
		var asBefore bool
		if asBefore, err = f(); asBefore {
			runtime.UnlockOSThread() // else the thread ends with the goroutine
		}
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
