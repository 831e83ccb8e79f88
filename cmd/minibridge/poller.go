package main

import (
	"fmt"
	"os"
	"syscall"
)

// startPoller has the Go runtime make the two descriptors of its poller
// (epoll_create(2), eventfd(2)) as long as there is room for them. It makes them
// for the first file that can be waited for, and where it can't, it ends the
// program with a stack trace.
func startPoller() error {
	if err := roomFor(2); err != nil { // the pipe below, and what the poller needs
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	r.Close()
	return w.Close()
}

// roomFor says whether so many pipes can be had at once.
func roomFor(pipes int) error {
	for range pipes {
		var p [2]int
		if err := syscall.Pipe2(p[:], syscall.O_CLOEXEC); err != nil {
			return fmt.Errorf("pipe: %w", err)
		}
		defer syscall.Close(p[0])
		defer syscall.Close(p[1])
	}
	return nil
}
