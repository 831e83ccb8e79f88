package hosttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// tables are what `ip` and `bridge` list, in the order of the commands in links.
var tables = []struct {
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
}

// links starts what `ip` and `bridge` show of the thread's network namespace.
func links(ns plan.NS) fact {
	random, err := randomMACs(ns)
	if err != nil {
		return failed(fmt.Errorf("types of MAC addresses: %w", err))
	}
	lists := []*job{
		start("link show\naddr show\nroute show table all\nneigh show nud permanent\nrule show\n", "ip", "-j", "-d", "-batch", "-"),
		start("", "ip", "-6", "-j", "rule", "show"),
		start("link show\nfdb show\n", "bridge", "-j", "-d", "-batch", "-"),
	}
	return func() ([]string, error) {
		var out strings.Builder
		for _, list := range lists {
			b, err := list.wait()
			if err != nil {
				return nil, err
			}
			if bytes.Contains(b, []byte("Dump was interrupted")) {
				return nil, errInterrupted
			}
			out.Write(b)
		}
		return objects(out.String(), random)
	}
}

// errInterrupted is a list that changed while the kernel gave it, which `ip`
// says on standard error and ends with 0.
var errInterrupted = errors.New("dump interrupted")

// objects reads one JSON array for each table.
func objects(out string, random map[string]string) ([]string, error) {
	dec := json.NewDecoder(strings.NewReader(out))
	dec.UseNumber()
	var lines []string
	for _, table := range tables {
		var list []object
		if err := dec.Decode(&list); err != nil {
			return nil, fmt.Errorf("%s: %w in %q", table.name, err, out)
		}
		var texts []string
		for _, o := range list {
			for _, kept := range table.keep(o) {
				texts = append(texts, table.name+" "+text(kept, random))
			}
		}
		slices.Sort(texts)
		lines = append(lines, texts...)
	}
	return lines, nil
}

// randomMACs maps devices to the MAC addresses that the kernel made up for
// them, or that a bridge borrowed from a port. Only sysfs tells, and it shows
// the network namespace that it was mounted in: the thread gets its own.
func randomMACs(ns plan.NS) (map[string]string, error) {
	if ns != "" {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return nil, err
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return nil, err
		}
		if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil {
			return nil, err
		}
	}
	const permanent, set = "0", "3" // NET_ADDR_PERM, NET_ADDR_SET in linux/netdevice.h
	random := map[string]string{}
	devices, err := filepath.Glob("/sys/class/net/*")
	if err != nil {
		return nil, err
	}
	for _, dev := range devices {
		kind, err := os.ReadFile(dev + "/addr_assign_type")
		var mac []byte
		if err == nil {
			mac, err = os.ReadFile(dev + "/address")
		}
		switch kind := strings.TrimSpace(string(kind)); {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EINVAL):
			continue // the device has just gone, or is no device: bonding_masters
		case err != nil:
			return nil, err
		case kind != permanent && kind != set:
			random[filepath.Base(dev)] = strings.TrimSpace(string(mac))
		}
	}
	return random, nil
}
