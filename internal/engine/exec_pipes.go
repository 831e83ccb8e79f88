package engine

import (
	"io"
	"os"
	"sync"
)

// execPipes are the pipes between a command and the person.
type execPipes struct {
	theirs []*os.File
	work   []func()
	ours   []*os.File // of what the command writes to
	out    sync.WaitGroup
}

func (p *execPipes) from(w io.Writer) (*os.File, error) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.theirs = append(p.theirs, theirs)
	p.ours = append(p.ours, ours)
	p.out.Add(1)
	p.work = append(p.work, func() {
		defer p.out.Done()
		defer ours.Close()
		io.Copy(w, &hearer{from: ours})
	})
	return theirs, nil
}

func (p *execPipes) to(r io.Reader) (*os.File, error) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.theirs = append(p.theirs, theirs)
	p.work = append(p.work, func() {
		defer ours.Close()
		io.Copy(ours, r)
	})
	return theirs, nil
}

func (p *execPipes) copy() {
	for _, f := range p.work {
		go f()
	}
}

// wait waits for all that a command has written that has ended.
func (p *execPipes) wait() {
	for _, from := range p.ours {
		hearOut(from)
	}
	p.out.Wait()
}

func (p *execPipes) closeTheirs() {
	for _, f := range p.theirs {
		f.Close()
	}
}
