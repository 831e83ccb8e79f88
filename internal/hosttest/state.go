package hosttest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// State tells what the machine's network looks like, in a form in which two
// machines that were set up the same way are equal: for the host and each named
// network namespace its links, addresses, routes, rules, neighbours, bridge
// ports, forwarding entries, firewall rules and settings, one a line, and the
// mounts that minibridge has to do with. Left out is what the kernel counts,
// numbers, derives or makes up by itself.
func (m *Machine) State(t TB) string {
	t.Helper()
	s, err := state()
	if err != nil {
		t.Fatalf("state of the machine: %v", err)
	}
	return s
}

// StateAfter is the state of a fresh machine after a script.
func (m *Machine) StateAfter(t TB, script string) string {
	t.Helper()
	s, err := stateAfter(script)
	if err != nil {
		t.Fatalf("in a fresh machine: %v", err)
	}
	return s
}

func state() (string, error) {
	for {
		s, err := stateOnce()
		if !errors.Is(err, errInterrupted) {
			return s, err
		}
	}
}

func stateOnce() (string, error) {
	names, err := namespaces()
	if err != nil {
		return "", err
	}
	lines, err := mounts()
	if err != nil {
		return "", err
	}
	parts := make([][]string, len(names))
	errs := make([]error, len(names))
	var all sync.WaitGroup
	for i, ns := range names {
		all.Go(func() { parts[i], errs[i] = nsState(ns) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	lines = append(lines, slices.Concat(parts...)...)
	return strings.Join(lines, "\n") + "\n", nil
}

// namespaces are the host's, as "", and the named ones.
func namespaces() ([]plan.NS, error) {
	names := []plan.NS{""}
	entries, err := os.ReadDir(plan.NetnsDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		ns := plan.NS(e.Name())
		var stat unix.Statfs_t
		if err := unix.Statfs(ns.Path(), &stat); err == nil && stat.Type == unix.NSFS_MAGIC {
			names = append(names, ns)
		}
	}
	return names, nil
}

// mounts lists what is mounted where minibridge mounts something, and the names
// of namespaces: an unmounted one would be left behind unseen.
func mounts() ([]string, error) {
	infos, err := mountinfo.GetMounts(func(info *mountinfo.Info) (skip, stop bool) {
		at := func(dir string) bool {
			return info.Mountpoint == dir || strings.HasPrefix(info.Mountpoint, dir+"/")
		}
		return !at(plan.NetnsDir) && !at("/run/minibridge"), false
	})
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, info := range infos {
		line := fmt.Sprintf("mount %s %s", info.Mountpoint, info.FSType)
		if strings.HasPrefix(info.Optional, "shared:") {
			line += " shared"
		}
		lines = append(lines, line)
	}
	names, err := filepath.Glob(plan.NetnsDir)
	if err != nil {
		return nil, err
	}
	below, err := filepath.Glob(plan.NetnsDir + "/*")
	if err != nil {
		return nil, err
	}
	for _, path := range append(names, below...) {
		lines = append(lines, "file "+path)
	}
	slices.Sort(lines)
	return lines, nil
}

// nsState gives the lines of one network namespace.
func nsState(ns plan.NS) ([]string, error) {
	var facts []fact
	err := plan.OnThread(func() error { // everything is started there; results may be had anywhere
		if err := ns.Enter(); err != nil {
			return err
		}
		facts = []fact{links(ns), settings(), firewall(ns)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	name := string(ns)
	if name == "" {
		name = "host"
	}
	var lines []string
	for _, lookUp := range facts {
		more, err := lookUp()
		if err != nil {
			return nil, fmt.Errorf("namespace %s: %w", name, err)
		}
		for _, line := range more {
			lines = append(lines, name+": "+line)
		}
	}
	return lines, nil
}

// A fact waits for what was started and gives its lines.
type fact func() ([]string, error)

func failed(err error) fact {
	return func() ([]string, error) { return nil, err }
}
