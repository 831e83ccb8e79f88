package engine

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minibridge/minibridge/internal/proxy"
	"github.com/minibridge/minibridge/sandbox"
)

// A keeper is a supervisor at work: the one owner of a container's process,
// streams, sockets and end.
type keeper struct {
	*order
	engine  *Engine
	log     *logWriter
	process *sandbox.Process
	stdin   *os.File // nil when it has none
	peers   *peers
	proxy   *proxy.Proxy
	closed  internalLinks           // by whose links nobody comes to the proxy
	held    map[socketName]*os.File // of its ports; nil where the proxy has it
	trace   bytes.Buffer
	late    string // what could not be written down at its end

	outputs []*os.File // what is read of it

	logged sync.WaitGroup // what reads and logs its output
	passed sync.WaitGroup // what passes it on to those attached

	telling sync.WaitGroup // those who have not all of it yet, and how it ended

	mu      sync.Mutex
	clients map[*wire]bool // those that get the output
	waiters map[*wire]bool // those that wait for the end
	exited  chan struct{}  // closed when the command has ended
	over    *exit          // set when nothing of it is left
	phase   phase

	kept    atomic.Bool     // it ends to be started again: --rm doesn't remove it
	stopped chan struct{}   // closed by enough: a person wants it to end
	enough  func()          // may be called again
	life    context.Context // of what serves the command in its network
	endLife context.CancelFunc
	begun   time.Time // when the command was executed

	orderer  *wire           // the command that started it
	starting context.Context // ends when somebody wants the start to end
	endStart context.CancelCauseFunc
	started  chan struct{} // closed when the command has been executed, and everybody is served
}

func newKeeper(o *order) (*keeper, error) {
	k := &keeper{
		order:   o,
		clients: make(map[*wire]bool),
		waiters: make(map[*wire]bool),
		started: make(chan struct{}),
		exited:  make(chan struct{}),
		stopped: make(chan struct{}),
		peers:   newPeers(o.Dirs, o.Run),
		closed:  internalLinks{networks: o.Dirs.WatchNetworks()},
		held:    make(map[socketName]*os.File),
	}
	k.enough = sync.OnceFunc(func() { close(k.stopped) })
	k.life, k.endLife = context.WithCancel(context.Background())
	k.starting, k.endStart = context.WithCancelCause(context.Background())
	var err error
	k.engine, err = New(Config{Root: o.Dirs.Root, RunDir: o.Dirs.Run, Firewall: o.Firewall, Explain: &k.trace, Notice: io.Discard, Waiting: writerFunc(k.tell)})
	k.proxy = proxy.New(k.whereNow, k.admits)
	return k, err
}
