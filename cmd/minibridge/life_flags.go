package main

import (
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/minibridge/minibridge/internal/engine"
)

// An optionalInt is a flag that gives a number, or nothing.
type optionalInt struct{ to **int }

func (v *optionalInt) String() string { return "" }

// Type is what help calls it.
func (v *optionalInt) Type() string { return "int" }

// Set takes what every flag of that kind takes.
func (v *optionalInt) Set(s string) error {
	n, err := strconv.ParseInt(s, 0, strconv.IntSize)
	if err == nil {
		i := int(n)
		*v.to = &i
	}
	return err
}

// bindLife gives the flags about a container's end, and what comes after, their
// places.
func (f *runFlags) bindLife(flags *pflag.FlagSet) {
	flags.StringVar(&f.restart, "restart", "", "`policy` when its command has ended: no, always, on-failure[:TIMES], unless-stopped (default no)")
	flags.StringVar(&f.spec.StopSignal, "stop-signal", "", "`signal` that stop sends first (default SIGTERM)")
	flags.Var(&optionalInt{&f.spec.StopTimeout}, "stop-timeout", "`seconds` that stop waits before SIGKILL; -1 for ever (default 10)")
}

// parseRestart reads a policy, with Docker's errors. Which there are, the
// engine knows.
func parseRestart(s string) (engine.Restart, error) {
	const bad = "invalid restart policy format: "
	policy, times, cut := strings.Cut(s, ":")
	r := engine.Restart{Policy: policy}
	if cut && policy == "" {
		return r, &engine.Error{Text: bad + "no policy provided before colon"}
	}
	if times == "" {
		return r, nil
	}
	var err error
	if r.Retries, err = strconv.Atoi(times); err != nil {
		return r, &engine.Error{Text: bad + "maximum retry count must be an integer"}
	}
	return r, nil
}

// bindStop gives the flags that say how to stop a container their places.
func bindStop(flags *pflag.FlagSet, o *engine.StopOptions) {
	flags.StringVarP(&o.Signal, "signal", "s", "", "`signal` to send first (default that of --stop-signal, or SIGTERM)")
	flags.VarP(&optionalInt{&o.Timeout}, "timeout", "t", "`seconds` to wait before SIGKILL; -1 for ever (default that of --stop-timeout, or 10)")
	flags.Var(&optionalInt{&o.Timeout}, "time", "")
	flags.MarkHidden("time") // its older name
}
