package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) startCommand() *cobra.Command {
	var o engine.StartOptions
	stand := standFlags{proxy: true}
	c := &cobra.Command{
		Use:   "start [OPTIONS] CONTAINER [CONTAINER...]",
		Short: "Start containers that were created, or have ended",
		Long: `Start containers that were created, or have ended. They find the files that
they changed as they left them, unless the machine was rebooted in between; they
get their last addresses and ports again where these are free.`,
		Example: "  minibridge start web\n  minibridge create --name app date && minibridge start -a app",
		Args:    atLeast(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.tidied(c)
			if err != nil {
				return err
			}
			if a.dryRun {
				return e.DryStart(args, a.out)
			}
			o.Attach = o.Attach || o.Stdin
			if o.Attach {
				return a.startAttached(c.Context(), e, args, o, stand.of(a.streams()))
			}
			return a.startAll(c.Context(), e, args)
		},
	}
	c.Flags().BoolVarP(&o.Attach, "attach", "a", false, "show what it writes, pass signals on, and end as it ends")
	c.Flags().BoolVarP(&o.Stdin, "interactive", "i", false, "attach, and be its standard input")
	stand.bindKeys(c.Flags())
	return c
}

// startAll starts each, and says at last which could not be.
func (a *app) startAll(ctx context.Context, e *engine.Engine, refs []string) error {
	var failed []string
	for _, ref := range refs {
		err := a.progress.during("start "+ref, func() error {
			_, err := e.Start(ctx, ref, engine.StartOptions{}, a.streams())
			return err
		})
		if err != nil {
			a.report(err)
			failed = append(failed, ref)
			continue
		}
		fmt.Fprintln(a.out, ref)
	}
	if len(failed) == 0 {
		return nil
	}
	return &engine.Error{Text: "failed to start containers: " + strings.Join(failed, ", "), Err: context.Cause(ctx)}
}

// startAttached starts one container and ends as it ends; what keeps it from
// starting is worth 1, as in Docker.
func (a *app) startAttached(ctx context.Context, e *engine.Engine, refs []string, o engine.StartOptions, streams engine.Streams) (err error) {
	if len(refs) > 1 {
		return &engine.Error{Text: "you cannot start and attach multiple containers at once"}
	}
	err = a.progress.during("start "+refs[0], func() (err error) {
		a.code, err = e.Start(ctx, refs[0], o, streams)
		return err
	})
	if refused, ok := errors.AsType[*engine.Error](err); ok && notExecuted(refused.Code) {
		return &engine.Error{Text: err.Error(), Hint: refused.Hint, Err: err}
	}
	return err
}

// notExecuted tells the exit codes of a command that could not be executed.
func notExecuted(code int) bool { return code == 126 || code == 127 }
