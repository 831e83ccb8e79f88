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
	audience
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
		io.Copy(p.told(w), &hearer{from: ours})
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

// until waits for the end of the command, and for all that it has written.
func (p *execPipes) until(end func() (int, error)) (int, error) {
	return p.audience.until(func() (int, error) {
		code, err := end()
		for _, from := range p.ours {
			hearOut(from)
		}
		p.out.Wait()
		return code, err
	})
}

func (p *execPipes) closeTheirs() {
	for _, f := range p.theirs {
		f.Close()
	}
}
