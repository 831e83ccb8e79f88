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
	out    sync.WaitGroup
}

func (p *execPipes) from(w io.Writer) (*os.File, error) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.theirs = append(p.theirs, theirs)
	p.out.Add(1)
	p.work = append(p.work, func() {
		defer p.out.Done()
		defer ours.Close()
		io.Copy(w, ours)
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

func (p *execPipes) closeTheirs() {
	for _, f := range p.theirs {
		f.Close()
	}
}
