package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/machine"
)

// A subject is one way to do what its group is about. It opens in a machine of
// its own, with the program that is measured; once is one turn.
type subject struct {
	name string
	open func(program string) (once func() (times, error), err error)
}

// asSubject is the first argument of the process in a subject's machine.
const asSubject = "subject"

// A worker is a subject's process, seen from outside: it takes a turn for each
// line that it is sent, and answers with one.
type worker struct {
	cmd       *exec.Cmd
	in        io.WriteCloser
	out       *bufio.Reader
	complaint bytes.Buffer
	dead      bool
}

func startWorker(ctx context.Context, program, group, subject string) (*worker, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := &worker{cmd: machine.Command(ctx, self, asSubject, program, group, subject)}
	w.cmd.Stderr = &w.complaint
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.out = bufio.NewReader(out)
	return w, w.cmd.Start()
}

func (w *worker) once() (took times, err error) {
	if _, err := io.WriteString(w.in, "\n"); err != nil {
		return nil, w.died(err)
	}
	line, err := w.out.ReadBytes('\n')
	if err != nil {
		return nil, w.died(err)
	}
	return took, json.Unmarshal(line, &took)
}

func (w *worker) died(err error) error {
	w.cmd.Wait()
	w.dead = true
	return fmt.Errorf("%w: %s", err, strings.TrimSpace(w.complaint.String()))
}

func (w *worker) end() error {
	if w.dead {
		return nil
	}
	w.in.Close()
	return w.cmd.Wait()
}

// beSubject is the worker's own side. It is not on the process's first thread,
// which enters no namespace (plan.OnThread): nor is a verb, as a rule, once it
// has waited for something.
func beSubject(program, groupName, name string) error {
	runtime.LockOSThread()
	failed := make(chan error)
	go func() { failed <- takeTurns(program, groupName, name) }()
	return <-failed
}

func takeTurns(program, groupName, name string) error {
	g := groups[slices.IndexFunc(groups, func(g group) bool { return g.name == groupName })]
	s := g.subjects[slices.IndexFunc(g.subjects, func(s subject) bool { return s.name == name })]
	once, err := s.open(program)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	for turns := bufio.NewScanner(os.Stdin); turns.Scan(); {
		took, err := once()
		if err != nil {
			return err
		}
		if err := out.Encode(took); err != nil {
			return err
		}
	}
	return nil
}
