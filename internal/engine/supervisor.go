package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// supervisorLimit is what the Go runtime of a supervisor may keep, in bytes:
// it lives as long as its container.
const supervisorLimit = 24 << 20

// maxPorts is how many ports a container can publish: all of one protocol's,
// on two addresses.
const maxPorts = 2 << 16

// superviseInit takes over when this process was started as a supervisor, and
// never returns then.
func superviseInit() {
	if len(os.Args) == 0 || os.Args[0] != supervisorName {
		return
	}
	debug.SetMemoryLimit(supervisorLimit)
	nameThread("minibridge") // this is the first one, whose name is the process's, as ss(8) shows it; it was "exe"
	conn, err := fileConn(os.NewFile(3, "command"))
	if err != nil {
		os.Exit(1)
	}
	allowFiles(maxPorts) // descriptors that don't fit are lost on the way
	w := newWire(conn)
	o, err := receiveOrder(w)
	if err != nil {
		os.Exit(0) // the command ended, or took it all back: there is nothing to supervise
	}
	if err := supervise(o, w); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// nameThread names the calling thread (PR_SET_NAME, prctl(2)): 15 bytes at most.
func nameThread(name string) {
	b := append([]byte(name), 0)
	unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&b[0])), 0, 0, 0)
}

func receiveOrder(w *wire) (*order, error) {
	for {
		kind, body, err := w.receive()
		if err != nil {
			return nil, err
		}
		if kind != frameOrder {
			continue // the bytes that carried descriptors
		}
		o := &order{}
		if err := json.Unmarshal(body, o); err != nil {
			return nil, err
		}
		files := w.take("ordered")
		ports := len(files) - o.Waiting
		if ports < 0 {
			return nil, fmt.Errorf("%d descriptors came, of which %d are those of people who wait", len(files), o.Waiting)
		}
		o.sockets, o.waiting, o.lost = files[:ports], files[ports:], w.lost
		return o, nil
	}
}

// supervise is the life of a container.
func supervise(o *order, w *wire) error {
	k, err := newKeeper(o)
	if err != nil {
		return errors.Join(w.sendJSON(frameFailed, failure{Text: err.Error()}), w.close())
	}
	k.orderer = w
	if o.Attach {
		k.clients[w] = true
	}
	var listener *net.UnixListener
	var out streams
	err = k.openLog()
	if err == nil {
		listener, err = listen(o.Dirs.Socket(o.Container.ID))
	}
	if err == nil {
		out, err = k.begin()
	}
	// Before the go, the command holds the lock, and takes down what it has put
	// up when it fails; so nothing is undone here before that.
	if kind, _, gone := w.receive(); gone != nil || kind != frameGo {
		return k.abandon(out)
	}
	if err == nil {
		go k.serveOrderer()
		go k.accept(listener)
		err = k.letGo()
	}
	if err != nil {
		k.mu.Lock()
		delete(k.clients, w) // there is no output
		k.mu.Unlock()
		k.waitWith(w) // it hears whom the undoing waits for
		undo := func(s *session) error { return s.unstarted(s.latest(k.Run), k.lasting(err)) }
		return errors.Join(k.abandon(out), k.end(undo), k.tellFailed(w, err))
	}
	if err := w.send(frameStart, nil); err != nil { // before the first of its output
		k.drop(w)
	}
	k.openStreams(out)
	k.takeWaiters()
	close(k.started)
	return k.await(listener)
}

// tellFailed tells who has ordered the start why it has failed.
func (k *keeper) tellFailed(w *wire, cause error) (err error) {
	<-w.later(func() {
		if k.late != "" {
			err = w.send(frameNotice, []byte(k.late))
		}
		err = errors.Join(err, w.send(frameTrace, k.trace.Bytes()), w.sendJSON(frameFailed, describe(cause)), w.close())
	})
	return err
}

// begin makes the command's process, which waits, and gives our ends of the
// pipes for what it writes.
func (k *keeper) begin() (streams, error) {
	theirs, ours, err := k.pipes()
	if err != nil {
		return ours, err
	}
	k.process, err = sandbox.Start(k.config(theirs))
	theirs.close()
	k.stdin = ours.in
	return ours, err
}

// letGo lets the command run in its network. It returns when the command has
// been executed.
func (k *keeper) letGo() error {
	netns, err := k.netns()
	if err != nil {
		return err
	}
	if netns != nil {
		defer netns.Close()
	}
	if err := k.keepPorts(k.Run.Ports, k.takeSockets(), k.lost); err != nil {
		return err
	}
	if k.Run.DNS != 0 {
		if err := k.serveNames(k.life); err != nil {
			return err
		}
	}
	if err := k.process.Go(k.starting, netns); err != nil {
		return err
	}
	if err := k.engine.dirs.WriteInit(k.Run.ID, state.Process{Pid: k.process.Pid, Start: k.process.Start}); err != nil {
		return err
	}
	k.begun = time.Now()
	k.engine.happened(k.Container, "start")
	if k.Container.Spec.Tty && k.Size != (sandbox.Size{}) && k.Run.Backoff == 0 { // else nobody is there
		k.resized(k.Size)
	}
	k.catchUp()
	return nil
}

// catchUp brings the name files to where the container is: a verb that moved it
// before its process was known could not write them. As there, the network is
// right all the same.
func (k *keeper) catchUp() {
	now, err := k.engine.dirs.ReadRun(k.Run.ID)
	if err != nil || len(without(now.Wired(), k.Run.Wired()))+len(without(k.Run.Wired(), now.Wired())) == 0 {
		return
	}
	if err := k.engine.rewriteIn(now, k.Container, k.Run, now); err != nil {
		k.engine.say("%v", err)
	}
}

// abandon ends what begin has begun, as far as it came.
func (k *keeper) abandon(out streams) (err error) {
	if k.process != nil {
		err = k.process.Kill()
	}
	out.close()
	return err
}
