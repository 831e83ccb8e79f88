// Command minibridge builds bridges, veth pairs and network namespaces, and
// runs commands in them, as Docker does underneath `docker run`. Each file
// beside this one is a verb: flags in, one call of the engine, printing out.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"

	"github.com/minibridge/minibridge/internal/bench"
	"github.com/minibridge/minibridge/internal/engine"
)

func main() {
	engine.Init()
	bench.Init()
	runtime.LockOSThread() // plan.Within takes any thread but the first to a namespace
	code := make(chan int)
	go func() { code <- run(os.Args[1:]) }()
	os.Exit(<-code)
}

// run is the command: its exit code is the process's.
func run(args []string) int {
	ctx, interrupts := interruptible()
	p := newProgress()
	a := &app{interrupts: interrupts, out: &output{progress: p}, progress: p}
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetOut(quietly{a.out})
	err := root.ExecuteContext(ctx)
	if a.out.err != nil && (err == nil || errors.Is(err, a.out.err)) {
		if errors.Is(a.out.err, syscall.EPIPE) {
			return 128 + int(syscall.SIGPIPE) // as who has read enough expects
		}
		err = &engine.Error{Text: a.out.err.Error(), Code: 1}
	}
	if err != nil {
		return a.report(err)
	}
	return a.code
}

// output is standard output. What could not be written is remembered: a verb
// whose result nobody got has failed.
type output struct {
	err      error
	progress *progress
}

func (o *output) Write(p []byte) (n int, err error) {
	o.progress.above(func() { n, err = os.Stdout.Write(p) })
	if o.err == nil {
		o.err = err
	}
	return n, err
}

func (o *output) write(text string) error {
	_, err := io.WriteString(o, text)
	return err
}

// Fd is of the file that it goes to.
func (o *output) Fd() uintptr { return os.Stdout.Fd() }

// terminal is what it goes to, if that is one.
func (o *output) terminal() terminal { return terminalOf(os.Stdout) }

// quietly keeps from cobra what can't be written: it would tell so in words of
// its own.
type quietly struct{ to *output }

func (q quietly) Write(p []byte) (int, error) {
	q.to.Write(p)
	return len(p), nil
}

// tell prints what an error says, and each of those that stand side by side.
// Docker's longer texts go over several lines, of which the first begins as all
// errors do.
func tell(err error) {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range all.Unwrap() {
			tell(one)
		}
		return
	}
	begin := "minibridge: "
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(os.Stderr, "%s%s\n", begin, engine.Printable(strings.TrimSuffix(line, "\n")))
		begin = ""
	}
}

// report prints an error as a person is told it, and gives its exit code.
func (a *app) report(err error) int {
	a.progress.say("")
	code := a.failure
	if i, ok := errors.AsType[engine.Interrupted](err); ok {
		code = 128 + int(i.Signal)
	}
	if u, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprint(os.Stderr, u.text)
		return u.code
	}
	if e, ok := errors.AsType[*engine.Error](err); ok && e.Code != 0 {
		code = e.Code
	}
	tell(err)
	if hint := engine.Hint(err); hint != "" {
		fmt.Fprintf(os.Stderr, "try: %s\n", engine.Printable(hint))
	}
	return code
}
