package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// A change is what a supervisor hears of a move. Descriptors come just before:
// those of the name server first.
type change struct {
	Names    int          `json:"names,omitempty"`    // how many of them are a name server's to begin, none or two: its packets', its streams'
	NewPorts bool         `json:"newports,omitempty"` // Ports are all that are published from now on; the other descriptors are of those that it has none for
	Ports    []state.Port `json:"ports,omitempty"`
}

// tell hands everything over to the supervisor, and waits until it has it: then
// its proxy and its name server answer, and ports that are gone are free.
func (m *move) tell() error {
	c := change{Names: len(m.names)}
	if m.unsure || !slices.Equal(m.was.Ports, m.now.Ports) {
		c.NewPorts, c.Ports = true, m.now.Ports
	}
	if c.Names == 0 && !c.NewPorts {
		return nil
	}
	w, err := dial(m.dirs.Socket(m.now.ID))
	if err != nil && !sandbox.Alive(m.now.Supervisor.Pid, m.now.Supervisor.Start) {
		return errorf("container %s is not running", m.now.ID) // any more
	}
	if err != nil {
		return err
	}
	defer w.close()
	err = w.conn.SetDeadline(time.Now().Add(hearing))
	if err == nil {
		err = w.sendFiles(slices.Concat(m.names, m.sockets))
	}
	if err == nil {
		err = w.sendJSON(frameChange, c)
	}
	if err == nil {
		err = m.heard(w)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return m.unheard()
	}
	return err
}

// hearing is how long a supervisor may take to hear, and to say so.
const hearing = 3 * time.Second

// errUnheard leaves open what a supervisor has heard: it may do so later.
var errUnheard = errors.New("no answer")

func (m *move) heard(w *wire) error {
	kind, body, err := w.receive()
	switch {
	case kind == frameFailed:
		return parseFailure(body)
	case errors.Is(err, io.EOF):
		return nil // it has ended meanwhile, with all that it had
	}
	return err
}

func (m *move) unheard() error {
	if run, err := m.dirs.ReadRun(m.now.ID); err == nil && run.Init.Pid == 0 {
		return &Error{
			Text: fmt.Sprintf("container %s is still being started", m.now.Name),
			Hint: "minibridge kill " + m.now.Name, Err: errUnheard,
		}
	}
	return &Error{
		Text: fmt.Sprintf("the supervisor of container %s (pid %d) doesn't answer", m.now.Name, m.now.Supervisor.Pid),
		Hint: fmt.Sprintf("kill -CONT %d", m.now.Supervisor.Pid), Err: errUnheard,
	}
}
