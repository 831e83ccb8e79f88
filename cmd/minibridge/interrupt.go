package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/minibridge/minibridge/internal/engine"
)

// doubled is within which time two interrupts are one: timeout(1) signals its
// child, and then its process group.
const doubled = 100 * time.Millisecond

// interrupts are what the person's signals do. While nothing is in hand, the
// first ends the program, whatever it waits for: a file that is a pipe, a
// template that never ends, a reader who has gone to sleep. What is in hand is
// finished or taken back: then the first ends a context, with the signal as its
// cause, and the second the program; the journal is good. That nobody listens
// any more (SIGPIPE) ends nothing.
type interrupts struct {
	mu      sync.Mutex
	inHand  int // things that would have to be finished or taken back
	through bool
	caught  syscall.Signal // the first one, 0 before
	when    time.Time
	cancel  context.CancelCauseFunc
}

// interruptible begins to take signals, with nothing in hand.
func interruptible() (context.Context, *interrupts) {
	ctx, cancel := context.WithCancelCause(context.Background())
	i := &interrupts{cancel: cancel}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // caught, and no more; to ignore it would be inherited
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		for s := range signals {
			if s, ok := s.(syscall.Signal); ok {
				i.take(s)
			}
		}
	}()
	return ctx, i
}

func (i *interrupts) take(s syscall.Signal) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.through:
	case i.inHand == 0 || i.caught != 0 && time.Since(i.when) > doubled:
		os.Exit(128 + int(s)) // locked: nothing is taken up any more
	case i.caught == 0:
		i.caught, i.when = s, time.Now()
		i.cancel(engine.Interrupted{Signal: s})
	}
}

// hold says that something is taken up, or done with. After an interrupt, who
// is done with all of it ends there.
func (i *interrupts) hold(something bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if something {
		i.inHand++
		return
	}
	if i.inHand--; i.inHand == 0 && i.caught != 0 {
		os.Exit(128 + int(i.caught))
	}
}

// letThrough leaves signals to somebody else from then on. (signal.Stop would
// do so too, but takes milliseconds.)
func (i *interrupts) letThrough() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.through = true
}
