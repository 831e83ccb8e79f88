package engine

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
)

type streams struct{ in, out, err *os.File }

func (s streams) close() {
	for _, f := range []*os.File{s.in, s.out, s.err} {
		f.Close() // one that isn't there is an error of no interest
	}
}

// pipes makes the command's streams and our ends of them. Without -i its
// standard input is empty. There are none for a terminal.
func (k *keeper) pipes() (theirs, ours streams, err error) {
	if k.Container.Spec.Tty {
		return theirs, ours, nil
	}
	var e1, e2, e3 error
	ours.out, theirs.out, e1 = os.Pipe()
	ours.err, theirs.err, e2 = os.Pipe()
	if k.Container.Spec.OpenStdin {
		theirs.in, ours.in, e3 = os.Pipe()
	} else {
		theirs.in, e3 = os.Open(os.DevNull)
	}
	return theirs, ours, errors.Join(e1, e2, e3)
}

// openLog makes the container's log, unless it is to have none.
func (k *keeper) openLog() error {
	spec := &k.Container.Spec
	if spec.LogDriver == noLog {
		return nil
	}
	limits, err := limitsOf(spec)
	if err == nil {
		k.log, err = openLog(k.Dirs.Log(k.Container.ID), limits, func(err error) { k.tell([]byte(k.logLost(err))) })
	}
	return err
}

// logLost is what people are told when the log can't be written, once: the
// container goes on.
func (k *keeper) logLost(err error) string {
	return fmt.Sprintf("WARNING: container %s goes on, but not all that it writes is logged: %v\n", k.Container.Name, err)
}

// pump carries what the command writes to the log and to everybody attached.
// A client that reads slowly slows the command down, as a pipe would. What is
// left in the pipe when the command has ended, a few kilobytes, is logged
// whether anybody reads or not.
func (k *keeper) pump(from *os.File, kind frameKind) {
	chunks := make(chan []byte)
	k.outputs = append(k.outputs, from)
	k.logged.Add(1)
	go func() {
		defer close(chunks)
		defer from.Close()
		late := k.read(from, kind, chunks)
		k.logged.Done()
		for _, chunk := range late {
			chunks <- chunk
		}
	}()
	k.passed.Go(func() {
		for chunk := range chunks {
			k.pass(kind, chunk)
		}
	})
}

// pass waits until everybody attached has the chunk, or the command has ended:
// then one who reads slowly, or not at all, keeps nobody waiting but himself.
func (k *keeper) pass(kind frameKind, chunk []byte) {
	var sent []<-chan struct{}
	for _, w := range k.attached() {
		sent = append(sent, w.later(func() {
			if w.send(kind, chunk) != nil {
				k.drop(w)
			}
		}))
	}
	for _, done := range sent {
		select {
		case <-done:
		case <-k.exited:
		}
	}
}

// read logs what comes and hands it on, in two buffers by turns: when the one is
// taken, the other is free again. It returns what nobody had taken when the
// command ended, and no more than it can have written: others may write on.
func (k *keeper) read(from *os.File, kind frameKind, chunks chan<- []byte) (late [][]byte) {
	buffers := [2][]byte{make([]byte, 32<<10), make([]byte, 32<<10)}
	source, room := &hearer{from: from}, 0
	for turn := 0; ; {
		n, err := source.Read(buffers[turn])
		chunk := buffers[turn][:n]
		k.log.write(kind, chunk)
		switch {
		case n == 0:
		case late == nil && k.hand(chunk, chunks):
			turn ^= 1
			if k.hasExited() { // the other may be on its way to somebody still
				buffers[turn] = make([]byte, 32<<10)
			}
		case late == nil:
			late, room = append(late, bytes.Clone(chunk)), capacity(from)
		case room > 0:
			late = append(late, bytes.Clone(chunk))
			room -= n
		}
		if err != nil {
			return late
		}
	}
}

// hand waits until the chunk is taken, or the command has ended.
func (k *keeper) hand(chunk []byte, to chan<- []byte) bool {
	select {
	case to <- chunk:
		return true
	case <-k.exited:
		return false
	}
}

func (k *keeper) hasExited() bool { return closed(k.exited) }

func (k *keeper) attached() []*wire {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Collect(maps.Keys(k.clients))
}

// drop forgets a client that has gone.
func (k *keeper) drop(w *wire) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.clients, w)
	delete(k.waiters, w)
	w.close()
}

// tellWaiters tells those who wait that the command has ended and nothing of it
// is left. Who comes later hears it at once, unless there is a next round to
// wait for. One who wants no such round is told when it is sure that there is
// none.
func (k *keeper) tellWaiters(x exit, p phase, trace []byte) {
	k.mu.Lock()
	k.over, k.phase = &x, p
	if p == resting && k.isStopped() {
		k.mu.Unlock()
		return
	}
	wires := slices.Collect(maps.Keys(k.waiters))
	clear(k.waiters)
	k.mu.Unlock()
	k.tellExit(x, trace, wires)
}

// tellClients tells those who have got its output.
func (k *keeper) tellClients(x exit, trace []byte) { k.tellExit(x, trace, k.attached()) }

// tellExit tells some how it has ended, and what was done for that: who asked
// for -x shows it. Each hears it when he reads.
func (k *keeper) tellExit(x exit, trace []byte, wires []*wire) {
	for _, w := range wires {
		k.telling.Add(1)
		w.later(func() {
			defer k.telling.Done()
			if x.late != "" {
				w.send(frameNotice, []byte(x.late))
			}
			w.send(frameTrace, trace)
			w.sendJSON(frameExit, x)
			w.close()
		})
	}
}

// tell passes on whom we wait for to those who wait for the end.
func (k *keeper) tell(text []byte) (int, error) {
	k.mu.Lock()
	wires := slices.Concat(slices.Collect(maps.Keys(k.waiters)), slices.Collect(maps.Keys(k.clients)))
	k.mu.Unlock()
	said := bytes.Clone(text)
	for _, w := range wires {
		w.later(func() { w.send(frameNotice, said) })
	}
	return len(text), nil
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
