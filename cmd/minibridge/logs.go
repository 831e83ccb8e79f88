package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) logsCommand() *cobra.Command {
	var o engine.LogOptions
	var tail, since, until string
	c := &cobra.Command{
		Use:     "logs [OPTIONS] CONTAINER",
		Short:   "Print what a container wrote",
		Example: "  minibridge logs -t web\n  minibridge logs --tail 10 web",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			o.Tail = tailLines(tail)
			if o.Since, err = logTime("since", since); err != nil {
				return err
			}
			if o.Until, err = logTime("until", until); err != nil {
				return err
			}
			e, err := a.onlooking(c)
			if err != nil {
				return err
			}
			streams := a.streams()
			streams.Out = a.out
			return a.seenEnough(e.Logs(c.Context(), args[0], o, streams))
		},
	}
	c.Flags().BoolVarP(&o.Follow, "follow", "f", false, "go on until the container has ended")
	c.Flags().StringVarP(&tail, "tail", "n", "all", "`lines` to show from the end")
	c.Flags().StringVar(&since, "since", "", "from a `time` on: 2026-11-25T18:00:00Z, or ago: 10m")
	c.Flags().StringVar(&until, "until", "", "up to a `time`, likewise")
	c.Flags().BoolVar(&o.Details, "details", false, "begin each line with what --log-opt labels= and env= name")
	c.Flags().BoolVarP(&o.Timestamps, "timestamps", "t", false, "begin each line with its time")
	return c
}

// seenEnough is the end of a verb that goes on until it is interrupted: nothing
// went wrong then.
func (a *app) seenEnough(err error) error {
	if i, ok := errors.AsType[engine.Interrupted](err); ok {
		a.code = 128 + int(i.Signal)
		return nil
	}
	return err
}

// tailLines is how many lines --tail asks for; what is no such number is all
// of them, as Docker has it.
func tailLines(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// logTime is the value of a flag; none, and the beginning of time, is the zero
// time.
func logTime(flag, s string) (t time.Time, err error) {
	if s == "" {
		return t, nil
	}
	if t, err = parseTime(s, time.Now()); err != nil {
		return t, &engine.Error{Text: fmt.Sprintf("invalid value for %q: %v", flag, err)}
	}
	if t.Equal(time.Unix(0, 0)) {
		return time.Time{}, nil
	}
	return t, nil
}
