package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/minibridge/minibridge/internal/state"
)

// accept serves everybody who comes. Where there is no descriptor left for one
// who does, he has to wait, and so have those after him (accept(2)).
func (k *keeper) accept(l *net.UnixListener) {
	for {
		conn, err := l.AcceptUnix()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			<-time.After(breath)
		default:
			go k.serve(newWire(conn))
		}
	}
}

// breath is how long to wait for a descriptor, or for a socket.
const breath = 100 * time.Millisecond

// serve does what one client says, until it goes. What it has handed over and
// not said what for goes with it: a port would be taken for ever.
func (k *keeper) serve(w *wire) {
	for {
		kind, body, err := w.receive()
		k.whileStarting(w, kind, err)
		if err != nil {
			k.drop(w)
			closeFiles(w.take("nobody's"))
			return
		}
		k.handle(w, kind, body)
	}
}

func (k *keeper) handle(w *wire, kind frameKind, body []byte) {
	switch kind {
	case frameStdin:
		if k.stdin != nil {
			k.stdin.Write(body) // a command that closed its end has no use for it
		}
	case frameStdinEnd:
		if stdinOnce(k.Container) {
			k.endStdin()
		}
	case frameKeep:
		k.answer(w, k.keepTerminal(w))
	case frameSize:
		k.answer(w, k.resize(body))
	case frameAttach:
		k.join(w)
	case frameWait:
		k.waitWith(w)
	case frameChange:
		k.answer(w, k.change(w, body))
	case frameSignal:
		k.signal(w, body)
	case frameStop:
		var r stopRequest
		if err := json.Unmarshal(body, &r); err != nil {
			k.answer(w, err)
			return
		}
		if k.suspend() == leaving {
			k.drop(w)
			return
		}
		k.kept.Store(r.Keep)
		k.waitWith(w)
		go k.stop(r)
	case frameReady: // comes with descriptors
	default: // a newer command's
		k.answer(w, fmt.Errorf("the supervisor of container %s is of an older minibridge, and can't do that (%q); try: minibridge restart %[1]s", k.latest().Name, kind))
	}
}

// join adds a client to those who get output. When the command has ended
// already it hears so.
func (k *keeper) join(w *wire) {
	k.mu.Lock()
	k.clients[w] = true
	over := k.over
	k.mu.Unlock()
	k.welcome(w, over)
}

// waitWith adds one who waits for the end. While the container rests, that is
// the end of the next round; when that begins, its supervisor is the one to
// ask.
func (k *keeper) waitWith(w *wire) {
	k.mu.Lock()
	left, over := k.phase == leaving, k.over
	if !left {
		k.waiters[w] = true
	}
	if k.phase == resting {
		over = nil
	}
	k.mu.Unlock()
	if left {
		k.drop(w)
		return
	}
	k.welcome(w, over)
}

// welcome tells one who has come what he has missed.
func (k *keeper) welcome(w *wire, over *exit) {
	if err := k.log.lost(); err != nil {
		w.send(frameNotice, []byte(k.logLost(err)))
	}
	if over != nil {
		w.sendJSON(frameExit, over)
	}
}

func (k *keeper) answer(w *wire, err error) {
	if err != nil {
		w.sendJSON(frameFailed, failure{Text: err.Error()})
		return
	}
	w.send(frameReady, nil)
}

// change takes over what a verb has opened for the container: the sockets of
// its ports, those of a name server.
func (k *keeper) change(w *wire, body []byte) (err error) {
	files := w.take("handed over")
	var c change
	err = json.Unmarshal(body, &c)
	if err == nil && (c.Names > len(files) || c.Names != 0 && c.Names != 2) {
		err = fmt.Errorf("%d descriptors came, of which %d are a name server's", len(files), c.Names)
	}
	if err != nil {
		closeFiles(files)
		return err
	}
	if c.NewPorts {
		err = k.keepPorts(c.Ports, files[c.Names:], w.lost)
	}
	if c.Names > 0 {
		err = errors.Join(err, k.serveNamesOn(k.life, files[:c.Names]))
	}
	return err
}

// latest is the container by its present name.
func (k *keeper) latest() *state.Container {
	if c, err := k.engine.dirs.ReadContainer(k.Container.ID); err == nil {
		return c
	}
	return k.Container
}
