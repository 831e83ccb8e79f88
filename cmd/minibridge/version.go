package main

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"text/template"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/engine"
)

// version is the release this will be.
const version = "0.1.0"

// A versionInfo is what templates and JSON see: Docker's fields, as far as
// there is such a thing here. Both halves are one program.
type versionInfo struct {
	Client clientVersion
	Server *serverVersion
}

type clientVersion struct {
	Version   string
	GitCommit string
	GoVersion string
	Os        string
	Arch      string
}

type serverVersion struct {
	Version       string
	GitCommit     string
	GoVersion     string
	Os            string
	Arch          string
	KernelVersion string
}

func (a *app) versionCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:     "version [OPTIONS]",
		Short:   "Print the version",
		Example: "  minibridge version\n  minibridge version --format '{{.Client.Version}}'",
		Args:    none,
		RunE: func(*cobra.Command, []string) error {
			v := versions()
			if format != "" {
				return a.versionThrough(format, v)
			}
			fmt.Fprintf(a.out, "Version:    %s\nCommit:     %s\nGo version: %s\nOS/Arch:    %s/%s\n",
				v.Client.Version, v.Client.GitCommit, v.Client.GoVersion, v.Client.Os, v.Client.Arch)
			return nil
		},
	}
	c.Flags().StringVarP(&format, "format", "f", "", "print through a Go `template`, or as json")
	return c
}

// versionThrough prints it through a template. Docker calls that one version in
// its texts.
func (a *app) versionThrough(format string, v versionInfo) error {
	if format == "json" {
		format = "{{json .}}"
	}
	t, err := template.New("version").Funcs(functions).Parse(format)
	if err != nil {
		return &engine.Error{Text: fmt.Sprintf("template parsing error: %v", err), Code: badTemplate}
	}
	var b bytes.Buffer
	err = t.Execute(&b, v)
	fmt.Fprintln(a.out, b.String())
	if err != nil {
		return &engine.Error{Text: templateText(err)}
	}
	return nil
}

func versions() versionInfo {
	server := &serverVersion{
		Version: version, GitCommit: commit(), GoVersion: runtime.Version(), Os: runtime.GOOS, Arch: runtime.GOARCH,
	}
	var uts unix.Utsname
	if unix.Uname(&uts) == nil {
		server.KernelVersion = unix.ByteSliceToString(uts.Release[:])
	}
	client := clientVersion{
		Version: server.Version, GitCommit: server.GitCommit, GoVersion: server.GoVersion, Os: server.Os, Arch: server.Arch,
	}
	return versionInfo{client, server}
}

// revision is the commit that hack/build was called in.
var revision string

// commit is what the program was built from, if it was built in a checkout.
func commit() string {
	if revision != "" {
		return revision
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return "unknown"
}
