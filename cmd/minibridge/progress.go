package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/minibridge/minibridge/internal/engine"
)

// progress is standard error. On a terminal its last line says what is being
// waited for, and is kept up to date: other lines come to stand above it.
type progress struct {
	terminal
	mu      sync.Mutex
	line    string // what stands there
	settled func() // what during counts is over, though it goes on to do
}

// roomForWords is the least width in which such a line says something.
const roomForWords = 20

func newProgress() *progress {
	return &progress{terminal: terminalOf(os.Stderr), settled: func() {}}
}

// told is how far something has come.
func (p *progress) told(done, of int) { p.say(fmt.Sprintf("measuring: %d of %d", done, of)) }

// say replaces the line; "" takes it away.
func (p *progress) say(line string) {
	if p.width < roomForWords {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	p.line = ellipsis(engine.Printable(line), p.width-1) // a full line would go on in the next
	os.Stderr.WriteString(p.line)
}

func (p *progress) erase() {
	if n := utf8.RuneCountInString(p.line); n > 0 {
		os.Stderr.WriteString("\r" + strings.Repeat(" ", n) + "\r")
	}
}

// above has whole lines written, which come to stand above it.
func (p *progress) above(write func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	write()
	os.Stderr.WriteString(p.line)
}

// Write writes such lines to standard error.
func (p *progress) Write(b []byte) (n int, err error) {
	p.above(func() { n, err = os.Stderr.Write(b) })
	return n, err
}

// during does something, and counts the seconds that it takes: all of them, or
// those until it is settled.
func (p *progress) during(what string, do func() error) error {
	if p.width < roomForWords {
		return do()
	}
	done, quiet := make(chan struct{}), make(chan struct{})
	p.settled = sync.OnceFunc(func() {
		close(done)
		<-quiet
	})
	defer p.settled()
	go func() {
		defer close(quiet)
		p.count(what, done)
	}()
	return do()
}

func (p *progress) count(what string, done <-chan struct{}) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for began := time.Now(); ; {
		select {
		case <-ticker.C:
			p.say(fmt.Sprintf("%s: %.0f s", what, time.Since(began).Seconds()))
		case <-done:
			p.say("")
			return
		}
	}
}
