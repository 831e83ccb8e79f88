package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// ListOptions say which containers to list.
type ListOptions struct {
	All     bool // not only those that run
	Last    int  // of all, so many; 0 or less is no limit
	Filters Filters
	Sizes   bool // look at how much each has written
}

// Listed is one container of a list.
type Listed struct {
	ID       string
	Name     string
	Command  []string
	Created  time.Time
	State    string // Docker's word
	Status   string // and its sentence: Up 3 minutes
	Ports    string // its column of the same name
	Labels   map[string]string
	Mounts   []string // the host's paths that it sees
	Networks []string
	Size     int64 // bytes that it has changed of its root file system
}

// List lists containers, newest first. Records that can't be read are named in
// the error, beside the others; filters that can't be used give no list.
func (e *Engine) List(o ListOptions) ([]Listed, error) {
	s, err := e.containerSieve(o.Filters)
	if err != nil {
		return nil, err
	}
	all := o.All || o.Last > 0 || len(o.Filters["status"]) > 0
	containers, err := e.dirs.Containers()
	list := []Listed{}
	for _, c := range containers {
		run, st := e.status(c)
		if !st.Up() && !all || !s.passes(c, run, st) {
			continue
		}
		if o.Last > 0 && len(list) == o.Last {
			break
		}
		one := e.listed(c, run, st)
		if run == nil && st.Status == state.Running {
			_, unreadable := e.running(c)
			err = errors.Join(err, unreadable)
		}
		if o.Sizes {
			size, serr := e.layerSize(c)
			one.Size, err = size, errors.Join(err, serr)
		}
		list = append(list, one)
	}
	return list, err
}

func (e *Engine) listed(c *state.Container, run *state.Run, st state.State) Listed {
	one := Listed{
		ID: c.ID, Name: c.Name, Command: c.Spec.Args, Created: c.Created,
		State: st.Word(), Status: sentence(st), Labels: c.Spec.Labels, Networks: networksOf(c, run),
	}
	if run != nil {
		one.Ports = portsColumn(c, run)
	}
	for _, m := range mountsOf(&c.Spec) {
		one.Mounts = append(one.Mounts, m.Source)
	}
	return one
}

// networksOf names the networks that a container is on, or will be.
func networksOf(c *state.Container, run *state.Run) (names []string) {
	if run != nil {
		for _, at := range run.Endpoints {
			names = append(names, at.Network)
		}
		return names
	}
	for _, w := range c.Spec.Endpoints {
		names = append(names, w.Network)
	}
	return names
}

// layerSize adds up the files of a container's own but the name files, which
// Docker has outside of its layer. What goes meanwhile counts for nothing.
func (e *Engine) layerSize(c *state.Container) (size int64, err error) {
	root := e.rootOf(c)
	upper := root.Upper()
	names := []string{upper + hostsFile, upper + hostnameFile, upper + resolvFile}
	err = filepath.WalkDir(root.Layers, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !slices.Contains(names, path) {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				size += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return size, err
}

// sentence is a container's STATUS.
func sentence(st state.State) string {
	switch st.Status {
	case state.Running:
		up := "Up " + units.HumanDuration(time.Since(st.Started))
		if st.Paused {
			up += " (Paused)"
		}
		return up
	case state.Restarting:
		return fmt.Sprintf("Restarting (%d) %s ago", st.ExitCode, units.HumanDuration(time.Since(st.Finished)))
	case state.Exited:
		return fmt.Sprintf("Exited (%d) %s ago", st.ExitCode, units.HumanDuration(time.Since(st.Finished)))
	}
	return "Created"
}

// portsColumn is a container's PORTS: nothing in the host's namespace.
func portsColumn(c *state.Container, run *state.Run) string {
	if len(run.Wired()) == 0 {
		return ""
	}
	all, err := exposedPorts(&c.Spec)
	if err != nil {
		return ""
	}
	return nat.PortsColumn(mappings(run.Ports), all)
}

// exposedPorts is every port that a container names: by --expose, or by -p.
func exposedPorts(spec *state.Spec) ([]nat.Port, error) {
	all, err := exposed(spec)
	if err != nil {
		return nil, err
	}
	specs, err := published(spec)
	for _, s := range specs {
		all = append(all, s.Ports()...)
	}
	return sortPorts(all), err
}

// CommandLine is a container's command as a list shows it, in Docker's way:
// arguments with a space in single quotes, which is not a shell's.
func (l Listed) CommandLine() string {
	words := slices.Clone(l.Command)
	for i, w := range words[1:] {
		if strings.Contains(w, " ") {
			words[1+i] = "'" + w + "'"
		}
	}
	return strings.Join(words, " ")
}

// Ports prints as `port` does: all of a container's published ports, or the
// host's addresses for one of them.
func (e *Engine) Ports(ref, wanted string) ([]string, error) {
	c, err := e.find(ref)
	if err != nil {
		return nil, err
	}
	var ports []nat.Mapping
	if run, _ := e.status(c); run != nil {
		ports = mappings(run.Ports)
	}
	if wanted == "" {
		return nat.PortLines(ports), nil
	}
	port, err := nat.ParsePort(wanted)
	if err != nil {
		return nil, errorf("%s", Printable(err.Error()))
	}
	lines := nat.HostAddrs(ports, port)
	if len(lines) == 0 {
		return nil, errorf("No public port '%s' published for %s", Printable(wanted), Printable(ref)).hint("minibridge port %s", ref)
	}
	return lines, nil
}
