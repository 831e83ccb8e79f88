package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/minibridge/minibridge/sandbox"
	"github.com/moby/term"
	"golang.org/x/sys/unix"
)

// A post is where a command stands between the person and something that runs:
// keys, signals and the terminal's size go through it.
type post struct {
	far      far
	streams  Streams
	terminal *terminal
	tty      bool // it runs on a terminal, for which the person's stands

	here  context.Context // until the command leaves it
	leave context.CancelCauseFunc
}

// A far is what runs at the other side of a post.
type far interface {
	resize(sandbox.Size)
	pass(os.Signal) bool // false for one that is not its own
	write(keys []byte) error
	endStdin() // the person's, which is no terminal
	hangUp()   // the person's terminal is gone
}

// open takes the post: from now on the person's terminal is the other side's.
func (p *post) open(a attachment, far far, streams Streams) (err error) {
	p.far, p.streams, p.tty = far, streams, a.tty
	p.here, p.leave = context.WithCancelCause(context.Background())
	p.takeSignals() // before the terminal is in raw mode: who ends us may leave it so
	if p.terminal, err = openTerminal(a, streams); err != nil {
		p.leave(err)
		return err
	}
	if now := sizeOf(streams); !a.late && a.tty && now != a.size && now != (sandbox.Size{}) {
		far.resize(now) // the person has changed it meanwhile
	}
	if a.stdin {
		go p.sendStdin()
	}
	return nil
}

// close gives the person's terminal back.
func (p *post) close() {
	p.leave(nil)
	p.terminal.restore()
}

// until waits for the end, which is the command's, or for the person to go.
// Who goes by the keys for that takes leave with goodbye.
func (p *post) until(end func() (int, error), goodbye func() error) (int, error) {
	ended := awaited(end)
	select {
	case answer := <-ended:
		return answer()
	case <-p.here.Done():
	}
	cause := context.Cause(p.here)
	if detached(cause) {
		if err := goodbye(); err != nil {
			return 0, err
		}
	}
	return left(cause)
}

// awaited gives the answer of an end that is waited for beside something else.
func awaited(end func() (int, error)) <-chan func() (int, error) {
	ended := make(chan func() (int, error), 1)
	go func() {
		code, err := end()
		ended <- func() (int, error) { return code, err }
	}()
	return ended
}

// left is how a command ends that its container outlives.
func left(cause error) (int, error) {
	if i, ok := errors.AsType[Interrupted](cause); ok {
		return 128 + int(i.Signal), nil
	}
	return 0, cause
}

// detached says that the person has typed the keys that leave a container.
func detached(err error) bool {
	_, ok := errors.AsType[term.EscapeError](err)
	return ok
}

// quietly is the end of a verb whose person has left by the keys for that.
func quietly(code int, err error) (int, error) {
	if detached(err) {
		return 0, nil
	}
	return code, err
}

// saying is that of one that tells so.
func saying(streams Streams, code int, err error) (int, error) {
	if !detached(err) {
		return code, err
	}
	fmt.Fprintln(streams.Err, err)
	return 0, nil
}

// sendStdin carries standard input; its end is told as such.
func (p *post) sendStdin() {
	in := p.terminal.watched(p.streams.In)
	buf := make([]byte, 32<<10)
	for {
		n, err := in.Read(buf)
		if n > 0 && p.far.write(buf[:n]) != nil {
			return
		}
		switch {
		case err == nil:
			continue
		case detached(err):
			p.leave(err)
		case p.terminal.raw(): // its window was closed: there is nobody left to stand for
			p.far.hangUp()
			p.leave(Interrupted{Signal: unix.SIGHUP})
		default:
			p.far.endStdin()
		}
		return
	}
}

// lethal are the signals that end a command which keeps them for itself.
var lethal = []os.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGQUIT}

// unanswered is how long the other side may take to answer. Then the next lethal
// signal is not for it any more.
const unanswered = time.Second

// takeSignals passes on what Docker does: all signals but those that speak of
// ourselves; of a terminal, its size. Those that aren't the other side's end the
// command. It never stops: the command stands between until it ends.
func (p *post) takeSignals() {
	signals := make(chan os.Signal, 32)
	var since atomic.Int64 // it has been asked; 0 when it has answered
	go func() {
		for sig := range signals {
			since.Store(time.Now().UnixNano())
			p.take(sig)
			since.Store(0)
		}
	}()
	handOver(p.streams, func(sig os.Signal) {
		asked := since.Load()
		if asked != 0 && time.Since(time.Unix(0, asked)) > unanswered && slices.Contains(lethal, sig) {
			p.leave(Interrupted{Signal: sig.(syscall.Signal)})
			return
		}
		select {
		case signals <- sig:
		default: // as the kernel does with those that wait already
		}
	})
}

func (p *post) take(sig os.Signal) {
	switch {
	case sig == unix.SIGWINCH && p.tty:
		if size := sizeOf(p.streams); size != (sandbox.Size{}) {
			p.far.resize(size)
		}
	case p.far.pass(sig):
	case slices.Contains(lethal, sig):
		p.leave(Interrupted{Signal: sig.(syscall.Signal)})
	}
}

// handOver gives the signals that come to the program to somebody.
func handOver(streams Streams, to func(os.Signal)) {
	signals := make(chan os.Signal, 32)
	signal.Notify(signals)
	// A job in the background that asks for its terminal is stopped by these
	// two; the system call of one that catches them begins again for ever.
	signal.Reset(unix.SIGTTIN, unix.SIGTTOU)
	streams.Forwarding()
	go func() {
		for s := range signals {
			switch s {
			case unix.SIGCHLD, unix.SIGPIPE, unix.SIGURG:
				continue
			}
			to(s)
		}
	}()
}
