package hosttest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
	names, err := namespaces()
	if err != nil {
		return "", err
	}
	lines, err := mounts()
	if err != nil {
		return "", err
	}
	for _, ns := range names {
		more, err := nsState(ns)
		if err != nil {
			return "", err
		}
		lines = append(lines, more...)
	}
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
	random, err := randomMACs(ns)
	if err != nil {
		return nil, err
	}
	lines, err := netlinkState(ns, random)
	if err != nil {
		return nil, err
	}
	settings, err := sysctls(ns)
	if err != nil {
		return nil, err
	}
	rules, err := firewall(ns)
	if err != nil {
		return nil, err
	}
	lines = append(append(lines, settings...), rules...)
	name := string(ns)
	if name == "" {
		name = "host"
	}
	for i, line := range lines {
		lines[i] = name + ": " + line
	}
	return lines, nil
}

// randomMACs maps the MAC addresses that the kernel made up, or that a bridge
// borrowed from a port, to the device's name.
func randomMACs(ns plan.NS) (map[string]string, error) {
	out, code := run(ns, `cd /sys/class/net; for dev in *; do echo "$dev $(cat "$dev/addr_assign_type") $(cat "$dev/address")"; done`)
	if code != 0 {
		return nil, fmt.Errorf("address types: %s", out)
	}
	const permanent, set = "0", "3" // NET_ADDR_PERM, NET_ADDR_SET in linux/netdevice.h
	random := map[string]string{}
	for line := range strings.Lines(out) {
		field := strings.Fields(line)
		if len(field) == 3 && field[1] != permanent && field[1] != set {
			random[field[0]] = field[2]
		}
	}
	return random, nil
}

// netlinkState reads what `ip` and `bridge` show.
func netlinkState(ns plan.NS, random map[string]string) ([]string, error) {
	at := ""
	if ns != "" {
		at = "-n " + plan.Quote(string(ns)) + " "
	}
	out, code := run("", `
printf '%s\n' 'link show' 'addr show' 'route show table all' 'neigh show nud permanent' 'rule show' | ip `+at+`-j -d -batch -
ip `+at+`-6 -j rule show
printf '%s\n' 'link show' 'fdb show' | bridge `+at+`-j -d -batch -`)
	if code != 0 {
		return nil, fmt.Errorf("ip, bridge: %s", out)
	}
	dec := json.NewDecoder(strings.NewReader(out))
	dec.UseNumber()
	var lines []string
	for _, table := range []struct {
		name string
		keep func(object) []object
	}{
		{"link", whole},
		{"addr", addresses},
		{"route", routes},
		{"neigh", whole},
		{"rule", whole},
		{"rule6", whole},
		{"port", ports},
		{"fdb", static},
	} {
		var objects []object
		if err := dec.Decode(&objects); err != nil {
			return nil, fmt.Errorf("%s: %w in %q", table.name, err, out)
		}
		var texts []string
		for _, o := range objects {
			for _, kept := range table.keep(o) {
				texts = append(texts, table.name+" "+text(kept, random))
			}
		}
		slices.Sort(texts)
		lines = append(lines, texts...)
	}
	return lines, nil
}
