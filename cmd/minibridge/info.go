package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/template"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) infoCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "info [OPTIONS]",
		Short: "Print what there is on this machine",
		Long: `Print what there is on this machine: containers, the kernel, the firewall in
use. What check finds bad stands as warnings on standard error.`,
		Example: "  minibridge info\n  minibridge info --format '{{.ContainersRunning}} of {{.Containers}}'",
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := infoTemplate(format)
			if err != nil {
				return err
			}
			e, err := a.onlooking(c)
			if err != nil {
				return err
			}
			a.interrupts.hold(true) // it tries what check does
			info, err := e.Info(c.Context(), version)
			a.interrupts.hold(false)
			if t != nil {
				return errors.Join(err, executeInfo(a.out, t, info))
			}
			printInfo(a.out, info)
			for _, warning := range info.Warnings {
				fmt.Fprintln(os.Stderr, engine.Printable(warning))
			}
			return err
		},
	}
	c.Flags().StringVarP(&format, "format", "f", "", "print through a Go `template`, or as json")
	return c
}

// infoTemplate reads --format; nil is none.
func infoTemplate(format string) (*template.Template, error) {
	switch format {
	case "":
		return nil, nil
	case "json":
		format = "{{json .}}"
	}
	t, err := template.New("").Funcs(functions).Parse(format)
	if err != nil {
		return nil, &engine.Error{Text: fmt.Sprintf("template parsing error: %v", err), Code: badTemplate}
	}
	return t, nil
}

// executeInfo writes it through a template.
func executeInfo(w io.Writer, t *template.Template, i *engine.Info) error {
	var b bytes.Buffer
	if err := t.Execute(&b, i); err != nil {
		fmt.Fprintln(w)
		return &engine.Error{Text: templateText(err)}
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}

// printInfo writes it as Docker does, whose two halves are one program here.
func printInfo(w io.Writer, i *engine.Info) {
	fmt.Fprintf(w, "Client:\n Version:    %s\n Debug Mode: false\n\nServer:\n", version)
	fmt.Fprintf(w, " Containers: %d\n  Running: %d\n  Paused: %d\n  Stopped: %d\n", i.Containers, i.ContainersRunning, i.ContainersPaused, i.ContainersStopped)
	for _, line := range [][2]string{
		{"Server Version", i.ServerVersion},
		{"Storage Driver", i.Driver},
		{"Logging Driver", i.LoggingDriver},
		{"Plugins", "\n  Network: " + strings.Join(i.Plugins.Network, " ")},
		{"Kernel Version", i.KernelVersion},
		{"Operating System", i.OperatingSystem},
		{"OSType", i.OSType},
		{"Architecture", i.Architecture},
		{"CPUs", fmt.Sprint(i.NCPU)},
		{"Total Memory", units.BytesSize(float64(i.MemTotal))},
		{"Name", i.Name},
		{"ID", i.ID},
		{"Docker Root Dir", i.DockerRootDir},
		{"Debug Mode", "false"},
		{"Firewall Backend", i.FirewallBackend.Driver},
	} {
		space := " "
		if strings.HasPrefix(line[1], "\n") {
			space = ""
		}
		fmt.Fprintf(w, " %s:%s%s\n", line[0], space, line[1])
	}
	fmt.Fprintln(w)
}
