// Package bench compares the ways to a server on this machine: the host's own,
// over a bridge, by a published port. Everything happens in a private machine,
// with a container that `minibridge run` makes there.
//
// The ways take their turns, round by round, so that a machine that gets slower
// gets slower for all of them.
package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/minibridge/minibridge/internal/load"
	"github.com/minibridge/minibridge/internal/machine"
)

// Options say what is asked for.
type Options struct {
	Firewall string        `json:"firewall"` // as minibridge's flag; "" for the default
	IPv6     bool          `json:"ipv6"`     // in the place of IPv4
	Time     time.Duration `json:"time"`     // of each measurement
	Rounds   int           `json:"rounds"`   // that count; one more warms up
}

// word is the first argument of the process that measures, in the machine.
const word = "minibridge-bench"

// Init does nothing in a program that was started as usual. In one that this
// package or load has started, it does not return.
func Init() {
	load.Init()
	machine.Init()
	if len(os.Args) != 3 || os.Args[1] != word {
		return
	}
	if err := inside(os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Run measures. Each sample is told as it comes, with how many will come.
func Run(ctx context.Context, o Options, told func(done, of int)) ([]Row, error) {
	args, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	cmd := machine.Command(ctx, "/proc/self/exe", word, string(args))
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	cmd.SysProcAttr.Setpgid = true // an interrupt is for us: we end it
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	samples, err := read(out, o, told)
	failed := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case failed != nil || err != nil:
		return nil, load.Said(&complaint, cmp.Or(failed, err))
	}
	return rows(samples, o), nil
}

// A sample is what one measurement gave.
type sample struct {
	Kind  load.Kind
	Way   int           // its index
	Round int           // 0 is the one that warms up
	Took  time.Duration // what one took
}

func read(out io.Reader, o Options, told func(done, of int)) (all []sample, err error) {
	of := (o.Rounds + 1) * len(measures) * len(o.family().ways())
	for dec := json.NewDecoder(out); ; {
		var s sample
		switch err := dec.Decode(&s); {
		case errors.Is(err, io.EOF):
			if len(all) < of {
				return nil, fmt.Errorf("%d of %d measurements were made", len(all), of)
			}
			return all, nil
		case err != nil:
			return nil, err
		}
		all = append(all, s)
		told(len(all), of)
	}
}
