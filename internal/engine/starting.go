package engine

import (
	"context"
	"errors"
)

// A sandbox is made of what it finds in its files, which can keep it as long as
// they like. So a supervisor serves from the go on; until the command has been
// executed there is but one thing to be had of it: an end of that.

// errStopped and errLeft are why a start ended before its command was executed.
var (
	errStopped = errors.New("the container was stopped before its command was executed")
	errLeft    = errors.New("who started the container left before its command was executed")
)

// lasting is what a start that failed of err leaves in the container's record: a
// start that was cut short leaves nothing, nor does a round of its policy that
// was stopped, as between two of them.
func (k *keeper) lasting(err error) error {
	if errors.Is(err, errLeft) || errors.Is(err, errStopped) && k.Run.Backoff != 0 {
		return nil
	}
	return err
}

// whileStarting waits until the command has been executed. Who wants the
// container stopped, and who has ordered it and goes, ends the start: then
// the supervisor ends, and with it whoever waits here.
func (k *keeper) whileStarting(w *wire, kind frameKind, gone error) {
	switch {
	case gone == nil && kind == frameStop:
		k.endStart(errStopped)
	case gone != nil && w == k.orderer:
		k.endStart(errLeft)
	}
	<-k.started
}

// serveOrderer serves the command that has started the container.
func (k *keeper) serveOrderer() {
	k.serve(k.orderer)
	if k.Stdin && stdinOnce(k.Container) {
		k.endStdin() // it was the person's, who has gone
	}
}

// letGo lets a container that stands run its command. It returns when that has
// been executed, or when ctx has ended and nothing of it is left.
func (e *Engine) letGo(ctx context.Context, sup *supervisor) error {
	if err := sup.send(frameGo, nil); err != nil {
		return errors.Join(err, e.awaitStart(sup.wire))
	}
	stop := context.AfterFunc(ctx, func() { sup.sendJSON(frameStop, killNow) })
	err := e.awaitStart(sup.wire)
	if !stop() {
		if err == nil { // it was executed in that moment
			sup.sendJSON(frameStop, killNow)
			e.awaitEnd(sup.wire)
		}
		err = context.Cause(ctx)
	}
	return err
}
