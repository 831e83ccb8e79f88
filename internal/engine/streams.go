package engine

import (
	"errors"
	"maps"
	"os"
	"slices"
)

type streams struct{ in, out, err *os.File }

// pipes makes the command's streams and our ends of them. Without -i its
// standard input is empty.
func (k *keeper) pipes() (theirs, ours streams, err error) {
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

// pump carries what the command writes to the log and to everybody attached.
// A client that reads slowly slows the command down, as a pipe would.
func (k *keeper) pump(from *os.File, kind frameKind) {
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			k.log.write(kind, buf[:n])
			for _, w := range k.attached() {
				if w.send(kind, buf[:n]) != nil {
					k.drop(w)
				}
			}
		}
		if err != nil {
			return
		}
	}
}

func (k *keeper) attached() []*wire {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Collect(maps.Keys(k.clients))
}

// everybody is those who get output and those who wait, each once.
func (k *keeper) everybody() []*wire {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := maps.Clone(k.clients)
	maps.Copy(all, k.waiters)
	return slices.Collect(maps.Keys(all))
}

// drop forgets a client that has gone.
func (k *keeper) drop(w *wire) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.clients, w)
	delete(k.waiters, w)
	w.close()
}

// announce tells everybody that the container is gone. Who connects later
// hears it at once.
func (k *keeper) announce(x exit) {
	k.mu.Lock()
	k.gone = &x
	k.mu.Unlock()
	for _, w := range k.everybody() {
		w.sendJSON(frameExit, x)
		w.close()
	}
}

// traceWriter sends what the teardown does to everybody who is there: who
// asked for -x shows it.
type traceWriter struct{ k *keeper }

func (t traceWriter) Write(p []byte) (int, error) {
	for _, w := range t.k.everybody() {
		w.send(frameTrace, p)
	}
	return len(p), nil
}
