package engine

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/minibridge/minibridge/sandbox"
)

// A confinement is what --security-opt says, as far as it says anything here.
type confinement struct {
	noNewPrivs bool
	unconfined bool // no filter of system calls
	unmasked   bool // all of /proc and /sys
}

// unmasked is the one option that Docker keeps elsewhere: inspect shows it as
// empty lists of paths.
const unmasked = "systempaths=unconfined"

// noNewPrivileges is the one option that needs no value.
const noNewPrivileges = "no-new-privileges"

// SecurityOptions are values of --security-opt that say something on any host.
func SecurityOptions() []string {
	return []string{noNewPrivileges, "seccomp=unconfined", "seccomp=builtin", unmasked}
}

// confined reads the values of --security-opt, of which the last of a kind
// holds. The error texts are Docker's, the number in them too.
func confined(spec *Spec) (c confinement, err error) {
	for _, option := range spec.SecurityOpt {
		if option == unmasked {
			c.unmasked = true
			continue
		}
		key, value, valued := strings.Cut(option, "=")
		if !valued {
			key, value, _ = strings.Cut(option, ":")
		}
		switch key {
		case noNewPrivileges:
			if value == "" {
				value = "true"
			}
			if c.noNewPrivs, err = strconv.ParseBool(value); err != nil {
				return c, errorf("invalid --security-opt 2: %q", option)
			}
		case "seccomp":
			if c.unconfined, err = unconfined(value); err != nil {
				return c, err
			}
		case "apparmor":
			if value != "unconfined" && enforced("/sys/module/apparmor/parameters/enabled", "Y") {
				return c, errorf("invalid --security-opt: apparmor=%s: profiles of AppArmor are not applied here", Printable(value)).hint("minibridge run --security-opt apparmor=unconfined …")
			}
		case "label":
			if value != "disable" && enforced("/sys/fs/selinux/enforce", "1") {
				return c, errorf("invalid --security-opt: label=%s: labels of SELinux are not set here", Printable(value)).hint("minibridge run --security-opt label=disable …")
			}
		default:
			return c, errorf("invalid --security-opt 2: %q", option)
		}
	}
	return c, nil
}

// unconfined reads a seccomp profile, of which there are two.
func unconfined(profile string) (bool, error) {
	switch profile {
	case "unconfined":
		return true, nil
	case "builtin":
		return false, nil
	}
	return false, errorf("invalid --security-opt: seccomp: profiles of one's own are not applied here, only builtin and unconfined").
		hint("minibridge run --security-opt seccomp=unconfined …")
}

// enforced says whether a module of the kernel's is on; where it is not, its
// options say nothing, as with Docker.
func enforced(file, on string) bool {
	b, err := os.ReadFile(file)
	return err == nil && strings.TrimSpace(string(b)) == on
}

// securityOptOf is the list as inspect shows it.
func securityOptOf(spec *Spec) []string {
	all := slices.DeleteFunc(slices.Clone(spec.SecurityOpt), func(s string) bool { return s == unmasked })
	if spec.Privileged {
		all = append(all, "label=disable")
	}
	return all
}

// limits are the --ulimit of a container. Numbers below 0 are none, as the
// kernel reads them.
func limits(spec *Spec) (all []sandbox.Limit) {
	for i := range spec.Ulimits {
		if r, err := spec.Ulimits[i].GetRlimit(); err == nil { // a name that was parsed is known
			all = append(all, sandbox.Limit{Resource: r.Type, Soft: r.Soft, Hard: r.Hard})
		}
	}
	return all
}
