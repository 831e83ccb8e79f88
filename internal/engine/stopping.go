package engine

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// stopRequest asks for a container's end.
type stopRequest struct {
	Signal  int  `json:"signal"`
	Timeout int  `json:"timeout"`        // seconds until SIGKILL
	Keep    bool `json:"keep,omitempty"` // it will be started again: --rm doesn't remove it
}

// killNow asks for it by force.
var killNow = stopRequest{Signal: int(unix.SIGKILL), Timeout: -1}

// signal passes a person's signal on. One that is to end the container ends its
// policy, too.
func (k *keeper) signal(w *wire, body []byte) {
	var sig unix.Signal
	if err := json.Unmarshal(body, &sig); err != nil {
		k.answer(w, err)
		return
	}
	if k.ends(sig) {
		switch k.suspend() {
		case resting:
			k.answer(w, nil)
			return
		case leaving:
			k.drop(w)
			return
		}
	}
	err := k.send(sig)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil // it has just ended, by itself or by another signal
	}
	k.answer(w, errors.Join(err, k.goOn()))
}

// send signals the command.
func (k *keeper) send(sig unix.Signal) error {
	err := k.process.Signal(sig)
	if err == nil {
		k.engine.happened(k.latest(), "kill", signalFact(sig))
	}
	return err
}

// goOn lets a container that is paused go on: the signal that it was sent comes
// first.
func (k *keeper) goOn() error {
	return k.engine.thaw(context.Background(), "unpause", k.latest())
}

// stop asks the command to end, and ends it when it takes too long.
func (k *keeper) stop(r stopRequest) {
	if k.suspend() != attending {
		return
	}
	k.send(unix.Signal(r.Signal))
	if err := k.goOn(); err != nil {
		k.engine.warn(err)
	}
	if r.Timeout < 0 {
		return
	}
	timer := time.NewTimer(time.Duration(r.Timeout) * time.Second)
	defer timer.Stop()
	select {
	case <-k.exited:
	case <-timer.C:
		k.send(unix.SIGKILL)
	}
}

// suspend ends the container's policy: a person wants it to end. While it rests
// that is all; while it is being left, nobody hears it.
func (k *keeper) suspend() phase {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.phase != leaving {
		k.enough()
	}
	return k.phase
}

// isStopped says that a person wants the container to end.
func (k *keeper) isStopped() bool { return closed(k.stopped) }

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// ends says that a signal which somebody sends a container is one that is to
// end it. As with Docker that is any, unless it was made with one for that.
func (k *keeper) ends(sig unix.Signal) bool {
	own := k.Container.Spec.StopSignal
	number, err := parseSignal(own)
	return own == "" || sig == unix.SIGKILL || err == nil && number == sig
}
