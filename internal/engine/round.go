package engine

import (
	"context"
	"errors"
	"net"
	"os"

	"github.com/minibridge/minibridge/internal/state"
)

// round begins the next round. When that can't be, the container has ended, and
// its record says why.
func (k *keeper) round(e *Engine, l *net.UnixListener) error {
	sup, err := launch(k.latest().Name)
	if err != nil {
		return errors.Join(err, k.endRest(e, err))
	}
	defer sup.close()
	waiters, begun, err := k.prepareRound(e, sup, l)
	if !begun {
		sup.dismiss()
		return err
	}
	if goes := e.letGo(context.Background(), sup); goes != nil {
		return errors.Join(err, goes)
	}
	for _, w := range waiters {
		k.drop(w) // they are with the other
	}
	if !k.isStopped() {
		return err
	}
	// This supervisor was asked to end, and that means the container.
	r, _ := StopOptions{}.request(&k.Container.Spec)
	return errors.Join(err, sup.sendJSON(frameStop, r))
}

// prepareRound makes what the container needs in the kernel, under the lock, as
// start does.
func (k *keeper) prepareRound(e *Engine, sup *supervisor, l *net.UnixListener) (waiters []*wire, begun bool, err error) {
	ctx := context.Background()
	s, err := e.lock(ctx, "supervise "+k.Container.Name)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	run, err := k.ownRest(s)
	if run == nil {
		return nil, false, err
	}
	waiters, ok := k.leave()
	if !ok {
		return nil, false, s.unstarted(run, nil)
	}
	l.Close()
	os.RemoveAll(k.Dirs.Socket(run.ID)) // the next one listens there
	there := connections(waiters)
	defer closeFiles(there) // start lets go of them as soon as the next one has them
	c, err := s.dirs.ReadContainer(run.ID)
	if err == nil {
		if c.State.Status != state.Restarting { // the disk was full when it began to rest
			c.Restarts++
		}
		err = s.start(ctx, c, sup, beginning{size: k.Size, before: run.Before, backoff: run.Backoff, waiters: there})
	}
	if err != nil {
		return nil, false, errors.Join(err, s.unstarted(run, err))
	}
	return waiters, true, nil
}

// connections are descriptors of those of the clients who are still there.
func connections(all []*wire) (files []*os.File) {
	for _, w := range all {
		if f, err := w.conn.File(); err == nil {
			files = append(files, f)
		}
	}
	return files
}

// takeWaiters serves those who have waited at the last supervisor.
func (k *keeper) takeWaiters() {
	for _, f := range k.waiting {
		conn, err := fileConn(f)
		if err != nil {
			continue
		}
		w := newWire(conn)
		k.waitWith(w)
		go k.serve(w)
	}
}
