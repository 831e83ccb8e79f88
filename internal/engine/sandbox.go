package engine

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// searchPath is the PATH that a container starts with, as Docker's.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// config is the container as the sandbox takes it.
func (k *keeper) config(s streams) sandbox.Config {
	spec := &k.Container.Spec
	how, _ := confined(spec) // it was read before there was a container
	c := sandbox.Config{
		Command: sandbox.Command{
			Args:   spec.Args,
			Env:    environment(spec, k.Hostname, spec.Tty),
			Dir:    workingDir(spec),
			User:   spec.User,
			Caps:   caps(spec),
			Limits: limits(spec),

			NoNewPrivs: how.noNewPrivs,
			Unconfined: how.unconfined,

			Stdin:  s.in,
			Stdout: s.out,
			Stderr: s.err,

			Terminal: k.terminalSize(),
		},
		Root: sandbox.Root{
			Dir:    spec.RootFS,
			Layers: k.Dirs.Layer(k.Container.ID),
			Hide:   []string{k.Dirs.Root, k.Dirs.Run},
		},
		Hostname:   k.Hostname,
		Domainname: spec.Domainname,
		Share:      share(spec, k.PIDOf, k.IPCOf),
		Sysctls:    ipcOnly(spec),
		Files:      k.Files,
		Binds:      binds(spec),
		Tmpfs:      tmpfs(spec),
		ReadOnly:   spec.ReadOnly,
		Init:       spec.Init != nil && *spec.Init,
		Unmasked:   how.unmasked,
	}
	return c
}

// netns opens the network namespace that the command is to run in; nil for the
// host's. It goes by our own file, which no rename moves.
func (k *keeper) netns() (*os.File, error) {
	switch {
	case k.Run.Netns != "":
		return state.Open(k.Dirs.NetnsPin(k.Run.ID), os.O_RDONLY)
	case k.Joined.Pid != 0:
		f, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", k.Joined.Pid))
		if err == nil && !sandbox.Alive(k.Joined.Pid, k.Joined.Start) {
			f.Close()
			err = os.ErrProcessDone
		}
		return f, err
	}
	return nil, nil
}

// inside calls f with its thread in that network namespace, as [plan.NS.Do]
// does.
func (k *keeper) inside(f func() error) error {
	ns, err := k.netns()
	if err != nil {
		return err
	}
	if ns == nil {
		return f()
	}
	defer ns.Close()
	return plan.Within(ns, f)
}

// environment is Docker's: its own two, and a terminal's one, then what was asked for, each in the
// place of one that was there. HOME is the sandbox's to add.
func environment(spec *state.Spec, hostname string, tty bool) []string {
	env := []string{"PATH=" + searchPath, "HOSTNAME=" + hostname}
	if tty {
		env = append(env, "TERM=xterm")
	}
	return withEnv(env, spec.Env)
}

// withEnv puts each variable in the place of one with its name, or at the end.
// A name alone takes away what was there before, and not what set itself sets.
func withEnv(env, set []string) []string {
	before := len(env)
	at := make(map[string]int, before+len(set)) // where a name stands
	for i, v := range env {
		name, _, _ := strings.Cut(v, "=")
		at[name] = i
	}
	for _, v := range set {
		name, _, ok := strings.Cut(v, "=")
		i, there := at[name]
		switch {
		case !ok && there && i < before:
			env[i] = ""
			delete(at, name)
		case !ok:
		case there:
			env[i] = v
		default:
			at[name] = len(env)
			env = append(env, v)
		}
	}
	return slices.DeleteFunc(env, func(v string) bool { return v == "" })
}

// workingDir is where the command starts: where it was asked to, else where
// the person stands, if the container has the host's files.
func workingDir(spec *state.Spec) string {
	switch {
	case spec.Dir != "":
		return spec.Dir
	case spec.RootFS == "":
		return spec.CallerDir
	}
	return "/"
}

func caps(spec *state.Spec) sandbox.Caps {
	return sandbox.Caps{Add: spec.CapAdd, Drop: spec.CapDrop, Privileged: spec.Privileged}
}
