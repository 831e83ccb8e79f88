package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) inspectCommand() *cobra.Command {
	var kind, format string
	var size bool
	c := &cobra.Command{
		Use:   "inspect [OPTIONS] NAME|ID [NAME|ID...]",
		Short: "Print all there is to know of containers and networks, as JSON",
		Example: "  minibridge inspect web | jq '.[0].NetworkSettings.IPAddress'\n" +
			"  minibridge inspect -f '{{.NetworkSettings.IPAddress}}' web",
		Args: atLeast(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.onlooking(c)
			if err != nil {
				return err
			}
			look, err := inspector(c.Context(), e, kind, size)
			if err != nil {
				return err
			}
			return a.inspect(args, format, look)
		},
	}
	formatFlag(c, &format)
	sizeFlag(c, &size)
	c.Flags().StringVar(&kind, "type", "", "look for this `kind` only: container or network")
	return c
}

// containerInspectCommand looks for containers only.
func (a *app) containerInspectCommand() *cobra.Command {
	var format string
	var size bool
	c := &cobra.Command{
		Use:     "inspect [OPTIONS] CONTAINER [CONTAINER...]",
		Short:   "Print all there is to know of containers, as JSON",
		Example: "  minibridge container inspect web",
		Args:    atLeast(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.onlooking(c)
			if err != nil {
				return err
			}
			return a.inspect(args, format, containerInspector(e, size))
		},
	}
	formatFlag(c, &format)
	sizeFlag(c, &size)
	return c
}

func sizeFlag(c *cobra.Command, size *bool) {
	c.Flags().BoolVarP(size, "size", "s", false, "say how much a container has written to its files: SizeRw")
}

func formatFlag(c *cobra.Command, format *string) {
	c.Flags().StringVarP(format, "format", "f", "", "print through a Go `template`, or json on one line")
}

// inspector is how one argument is looked up: as a container first.
func inspector(ctx context.Context, e *engine.Engine, kind string, size bool) (func(string) (any, error), error) {
	container := containerInspector(e, size)
	network := func(ref string) (any, error) { return e.InspectNetwork(ctx, ref) }
	switch kind {
	case "container":
		return container, nil
	case "network":
		return network, nil
	case "":
		return func(ref string) (any, error) {
			found, err := container(ref)
			if !errors.Is(err, fs.ErrNotExist) {
				return found, err
			}
			if found, err = network(ref); errors.Is(err, fs.ErrNotExist) {
				err = engine.NoSuchObject(ref)
			}
			return found, err
		}, nil
	}
	return nil, &engine.Error{Text: fmt.Sprintf("unknown type: %q: must be one of \"container\", \"network\"", kind)}
}

func containerInspector(e *engine.Engine, size bool) func(string) (any, error) {
	if size {
		return e.InspectSize
	}
	return e.Inspect
}

// inspect prints those found, then the errors of the others.
func (a *app) inspect(args []string, format string, look func(string) (any, error)) error {
	f, err := newFormatter(format)
	if err != nil {
		return err
	}
	found := []any{}
	err = a.all(args, func(ref string) error {
		one, err := look(ref)
		if err == nil {
			found = append(found, one)
		}
		return err
	})
	return errors.Join(err, f.print(a.out, found))
}
