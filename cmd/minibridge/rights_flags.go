package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/minibridge/minibridge/internal/engine"
)

// A ulimitValue is --ulimit, the last of a name, in the order of names.
type ulimitValue struct {
	repeatable
	all *[]units.Ulimit
}

func (v *ulimitValue) String() string { return "" }

// Type is what help calls it.
func (v *ulimitValue) Type() string { return "ulimit" }

// Set adds one limit.
func (v *ulimitValue) Set(s string) error {
	limit, err := units.ParseUlimit(s)
	if err != nil {
		return err
	}
	*v.all = append(slices.DeleteFunc(*v.all, func(o units.Ulimit) bool { return o.Name == limit.Name }), *limit)
	slices.SortFunc(*v.all, func(a, b units.Ulimit) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// bindRights gives the flags about what the command may do their places.
func (f *runFlags) bindRights(flags *pflag.FlagSet) {
	flags.Var(&optionalBool{&f.spec.Init}, "init", "put an init in the place of PID 1: it passes signals on and waits for orphans")
	flags.Lookup("init").NoOptDefVal = "true"
	flags.StringVar(&f.spec.PidMode, "pid", "", "PID `namespace` to use: host, container:NAME")
	flags.StringVar(&f.spec.UTSMode, "uts", "", "UTS `namespace` to use, which has the host name: host")
	flags.StringVar(&f.spec.IpcMode, "ipc", "", "IPC `namespace` to use: none, private, shareable, host, container:NAME")
	flags.Var(&ulimitValue{all: &f.spec.Ulimits}, "ulimit", "limit a resource (getrlimit(2)): NAME=SOFT[:HARD], as nofile=1024:2048")
	flags.Var(&listValue{list: &f.securityOpts}, "security-opt", "no-new-privileges, seccomp=unconfined, systempaths=unconfined …")
}

// readSecurityOpts checks the form of each --security-opt, and reads the file
// that a seccomp profile is in. Docker's own words, in its order.
func readSecurityOpts(values []string) ([]string, error) {
	var all []string
	for _, option := range values {
		key, value, ok := strings.Cut(option, "=")
		if !ok {
			key, value, ok = strings.Cut(option, ":")
		}
		if option != "no-new-privileges" && (!ok || value == "") {
			return nil, &engine.Error{Text: fmt.Sprintf("Invalid --security-opt: %q", option)}
		}
		if key == "seccomp" && value != "unconfined" && value != "builtin" {
			profile, err := readProfile(value)
			if err != nil {
				return nil, &engine.Error{Text: err.Error()}
			}
			option = "seccomp=" + profile
		}
		all = append(all, option)
	}
	return all, nil
}

func readProfile(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("opening seccomp profile (%s) failed: %w", file, err)
	}
	var profile bytes.Buffer
	if err := json.Compact(&profile, b); err != nil {
		return "", fmt.Errorf("compacting json for seccomp profile (%s) failed: %w", file, err)
	}
	return profile.String(), nil
}

// An optionalBool is a flag that says yes, no, or nothing.
type optionalBool struct{ to **bool }

func (v *optionalBool) String() string { return "" }

// Type is what help calls it: a flag that needs no value.
func (v *optionalBool) Type() string { return "bool" }

// Set takes what every flag of that kind takes.
func (v *optionalBool) Set(s string) error {
	b, err := strconv.ParseBool(s)
	if err == nil {
		*v.to = &b
	}
	return err
}
