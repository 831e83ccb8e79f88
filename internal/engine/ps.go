package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// Listed is one container of a list.
type Listed struct {
	ID      string
	Name    string
	Command []string
	Created time.Time
	State   string // Docker's word
	Status  string // and its sentence: Up 3 minutes
	Ports   string // its column of the same name
	Labels  map[string]string
}

// List lists the containers, newest first: those that run, or all. Records
// that can't be read are named in the error, beside the others.
func (e *Engine) List(all bool) ([]Listed, error) {
	containers, err := e.dirs.Containers()
	var list []Listed
	for _, c := range containers {
		run, st := e.status(c)
		if st.Status != state.Running && !all {
			continue
		}
		one := Listed{
			ID: c.ID, Name: c.Name, Command: c.Spec.Args, Created: c.Created,
			State: st.Status, Status: sentence(st), Labels: c.Spec.Labels,
		}
		if run != nil {
			one.Ports = portsColumn(c, run)
		} else if st.Status == state.Running {
			_, unreadable := e.running(c)
			err = errors.Join(err, unreadable)
		}
		list = append(list, one)
	}
	return list, err
}

// sentence is a container's STATUS.
func sentence(st state.State) string {
	switch st.Status {
	case state.Running:
		return "Up " + units.HumanDuration(time.Since(st.Started))
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
	var port nat.Port
	var err error
	if wanted != "" {
		if port, err = nat.ParsePort(wanted); err != nil {
			return nil, errorf("%s", printable(err.Error()))
		}
	}
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
	lines := nat.HostAddrs(ports, port)
	if len(lines) == 0 {
		return nil, errorf("No public port '%s' published for %s", printable(wanted), printable(ref)).hint("minibridge port %s", ref)
	}
	return lines, nil
}
