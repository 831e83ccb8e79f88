package engine

import (
	"path/filepath"
	"strings"
)

// What a person asks for is checked before there is a container, by a table of
// checks: see [Check].

// maxHostname is the longest host name, in bytes: __NEW_UTS_LEN,
// linux/utsname.h.
const maxHostname = 64

// checkHostname refuses names that uname(2) can't tell, or that would break the
// lines of files.
func checkHostname(spec *Spec) error {
	for _, name := range []string{spec.Hostname, spec.Domainname} {
		if Printable(name) != name {
			return errorf("invalid host name (%s): it has control characters", Printable(name))
		}
	}
	for _, option := range spec.DNSOptions {
		if strings.Contains(option, " ") || Printable(option) != option { // it becomes a word of a line
			return errorf("invalid DNS option %q: it has blanks or control characters", Printable(option))
		}
	}
	if n := len(spec.Hostname); n > maxHostname {
		return errorf("failed to create task for container: unable to start container process: error during container init: sethostname: invalid argument: unknown (the host name has %d bytes, %d are allowed)", n, maxHostname)
	}
	if n := len(spec.Domainname); n > maxHostname {
		return errorf("failed to create task for container: unable to start container process: error during container init: setdomainname: invalid argument: unknown (the domain name has %d bytes, %d are allowed)", n, maxHostname)
	}
	return nil
}

// Check refuses what no machine could run, without a look at this one.
func Check(spec *Spec) error {
	for _, check := range []func(*Spec) error{
		checkCommand, checkPorts, checkDir, checkHostname, checkCaps, checkWishes, checkSysctls, checkMounts,
		checkSecurity, checkModes, checkLog, checkRestart, checkStopSignal, checkJoining,
	} {
		if err := check(spec); err != nil {
			return err
		}
	}
	return nil
}

func checkCommand(spec *Spec) error {
	if len(spec.Args) == 0 {
		return errorf("no command specified")
	}
	if spec.Detach && len(spec.Attach) > 0 {
		return &Error{Text: "conflicting options: cannot specify both --attach and --detach", Code: 1}
	}
	return nil
}

func checkPorts(spec *Spec) error {
	if _, err := published(spec); err != nil {
		return err
	}
	_, err := exposed(spec)
	return err
}

func checkDir(spec *Spec) error {
	if spec.Dir != "" && !filepath.IsAbs(spec.Dir) {
		return errorf("the working directory '%s' is invalid, it needs to be an absolute path", spec.Dir)
	}
	return nil
}

func checkCaps(spec *Spec) error {
	if err := caps(spec).Check(); err != nil {
		return errorf("%v", err)
	}
	return nil
}

func checkSecurity(spec *Spec) error {
	_, err := confined(spec)
	return err
}

func checkStopSignal(spec *Spec) error {
	if spec.StopSignal == "" {
		return nil
	}
	_, err := parseSignal(spec.StopSignal)
	return err
}

// checkJoining refuses what belongs to the network of another container.
func checkJoining(spec *Spec) error {
	if !strings.HasPrefix(spec.Network, "container:") {
		return nil
	}
	switch {
	case spec.Network == "container:":
		return errorf("invalid network mode: invalid container format container:<name|id>")
	case spec.Hostname != "" || spec.Domainname != "":
		return errorf("conflicting options: hostname and the network mode")
	case len(spec.Publish) > 0 || spec.PublishAll:
		return errorf("conflicting options: port publishing and the container type network mode")
	case len(spec.Expose) > 0:
		return errorf("conflicting options: port exposing and the container type network mode")
	case len(spec.DNS)+len(spec.DNSSearch)+len(spec.DNSOptions) > 0:
		return errorf("conflicting options: dns and the network mode")
	case len(spec.ExtraHosts) > 0:
		return errorf("conflicting options: custom host-to-IP mapping and the network mode")
	}
	return nil
}
