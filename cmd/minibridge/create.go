package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) createCommand() *cobra.Command {
	f := &runFlags{}
	c := &cobra.Command{
		Use:   "create [OPTIONS] COMMAND [ARG...]",
		Short: "Create a new container, for start",
		Long: `Create a new container and print its id. Nothing of it is in the kernel until
it is started; its name, and the address that --ip asks for, are kept for it.`,
		Example: "  minibridge create --name app -p 8080:8000 python3 -m http.server 8000",
		Args:    f.enough,
		RunE: func(c *cobra.Command, args []string) error {
			f.spec.Args = args
			return a.create(c.Context(), f)
		},
	}
	f.bind(c.Flags())
	return c
}

// create does what the flags say. Those that can't be read are worth run's exit
// code, as in Docker.
func (a *app) create(ctx context.Context, f *runFlags) error {
	a.failure = 125
	if err := f.resolve(); err != nil {
		return err
	}
	a.failure = 1
	if a.dryRun {
		e, err := a.anybodysEngine()
		if err != nil {
			return err
		}
		return e.DryCreate(ctx, f.spec, f.name, a.out)
	}
	e, err := a.engine()
	if err != nil {
		return err
	}
	f.warn()
	return a.progress.during(strings.TrimSpace("create "+f.name), func() error {
		id, err := e.Create(ctx, f.spec, f.name)
		if err == nil {
			fmt.Fprintln(a.out, id)
		}
		return err
	})
}
