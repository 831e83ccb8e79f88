package plan

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// OnThread calls f on an operating system thread of its own, which ends
// afterwards: f may give it another namespace, and may only make system calls,
// as what it starts on other goroutines runs elsewhere.
//
// It is never the process's first thread: that one can't end (Go parks it for
// ever), and /proc/self/ns would show the foreign namespace.
func OnThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			done <- OnThread(f) // on another one, as this one is held meanwhile
			runtime.UnlockOSThread()
			return
		}
		done <- f() // never unlocked: the thread ends with the goroutine
	}()
	return <-done
}
