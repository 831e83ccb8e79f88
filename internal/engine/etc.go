package engine

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// The files that a container has of its own.
const (
	hostsFile    = "/etc/hosts"
	hostnameFile = "/etc/hostname"
	resolvFile   = "/etc/resolv.conf"
)

// ownFiles are those of a container with a network namespace of its own.
// gateway is what host-gateway stands for.
func ownFiles(o *order, gateway netip.Addr) (map[string]string, error) {
	resolv, err := resolvOf(o.Container, o.Run)
	return map[string]string{
		hostsFile:    hosts(o, gateway),
		hostnameFile: o.Hostname + "\n",
		resolvFile:   resolv,
	}, err
}

// hostFiles are those of a container in the host's namespace: the host's own
// names hold there.
func hostFiles(o *order, gateway netip.Addr) (map[string]string, error) {
	r, err := readResolv()
	if err != nil {
		return nil, err
	}
	r.override(&o.Container.Spec)
	hosts, err := os.ReadFile(hostsFile)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return map[string]string{
		hostsFile:    string(hosts) + extraHosts(&o.Container.Spec, gateway),
		hostnameFile: o.Hostname + "\n",
		resolvFile:   r.String(),
	}, nil
}

// joinedFiles are those that the other container sees now.
func joinedFiles(other *state.Run) (map[string]string, error) {
	root, err := openRoot(other)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	files := make(map[string]string)
	for _, path := range []string{hostsFile, hostnameFile, resolvFile} {
		content, err := readIn(root, path)
		if err != nil {
			return nil, fmt.Errorf("%s of container %s: %w", path, other.Name, err)
		}
		files[path] = content
	}
	return files, nil
}

// openRoot opens the root that a running container's command sees. That it is
// alive afterwards proves whose root it is: a pid may have been given again.
func openRoot(run *state.Run) (*os.File, error) {
	root, err := os.OpenFile(fmt.Sprintf("/proc/%d/root", run.Init.Pid), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	if !sandbox.Alive(run.Init.Pid, run.Init.Start) {
		return nil, errors.Join(os.ErrProcessDone, root.Close())
	}
	return root, nil
}

// readIn reads a file below a root. A FIFO could keep its reader waiting.
func readIn(root *os.File, path string) (string, error) {
	f, err := openIn(root, path, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return "", err
	} else if !info.Mode().IsRegular() {
		return "", errors.New("not a regular file")
	}
	b, err := io.ReadAll(io.LimitReader(f, 1<<20))
	return string(b), err
}

// openIn opens a file below a root that its owner may have filled with links
// to elsewhere (openat2(2), RESOLVE_IN_ROOT).
func openIn(root *os.File, path string, flags int) (*os.File, error) {
	how := unix.OpenHow{Flags: uint64(flags) | unix.O_CLOEXEC | unix.O_NONBLOCK, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := unix.Openat2(int(root.Fd()), path, &how)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// hosts is /etc/hosts: Docker's six lines, those of --add-host, then a line an
// endpoint. A name with a dot gets its first label as an alias.
func hosts(o *order, gateway netip.Addr) string {
	lines := "127.0.0.1\tlocalhost\n" +
		"::1\tlocalhost ip6-localhost ip6-loopback\n" +
		"fe00::\tip6-localnet\n" +
		"ff00::\tip6-mcastprefix\n" +
		"ff02::1\tip6-allnodes\n" +
		"ff02::2\tip6-allrouters\n" +
		extraHosts(&o.Container.Spec, gateway)
	for _, at := range o.Run.Wired() {
		lines += hostsLines(at, fullName(o.Hostname, o.Container.Spec.Domainname))
	}
	return lines
}

// hostsLines are those of one endpoint.
func hostsLines(at state.Attachment, name string) (lines string) {
	names := name
	if label, _, dotted := strings.Cut(name, "."); dotted {
		names += " " + label
	}
	for _, addr := range at.Addresses() {
		lines += addr.String() + "\t" + names + "\n"
	}
	return lines
}

// fullName is a host name with the domain it is in.
func fullName(hostname, domain string) string {
	if domain == "" {
		return hostname
	}
	return hostname + "." + domain
}

// hostGateway is the word for the host's address on the default network.
const hostGateway = "host-gateway"

// extraHosts are the lines of --add-host, which Check has read before.
func extraHosts(spec *state.Spec, gateway netip.Addr) (lines string) {
	for _, extra := range spec.ExtraHosts {
		name, addr, _ := strings.Cut(extra, ":")
		if addr == hostGateway {
			addr = gateway.String()
		}
		lines += addr + "\t" + name + "\n"
	}
	return lines
}
