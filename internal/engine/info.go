package engine

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
)

// Info is what there is on this machine: Docker's fields, of those that make
// sense without a daemon and images.
type Info struct {
	ID                string
	Containers        int
	ContainersRunning int
	ContainersPaused  int
	ContainersStopped int
	Driver            string
	Plugins           infoPlugins
	IPv4Forwarding    bool
	LoggingDriver     string
	KernelVersion     string
	OperatingSystem   string
	OSVersion         string
	OSType            string
	Architecture      string
	NCPU              int
	MemTotal          int64
	DockerRootDir     string
	Name              string
	ServerVersion     string
	FirewallBackend   infoFirewall
	Warnings          []string
}

type infoPlugins struct{ Network []string }

type infoFirewall struct{ Driver string }

// Info looks at the machine. Warnings are what check finds bad. With an error it
// tells of all that could be read.
func (e *Engine) Info(ctx context.Context, version string) (*Info, error) {
	i := &Info{
		Driver: "overlay", LoggingDriver: logFormat, OSType: "linux", ServerVersion: version,
		Plugins: infoPlugins{slices.Sorted(maps.Keys(e.drivers))}, DockerRootDir: e.dirs.Root,
		FirewallBackend: infoFirewall{e.firewallName}, NCPU: runtime.NumCPU(),
	}
	containers, err := e.dirs.Containers()
	for _, c := range containers {
		i.Containers++
		switch _, st := e.status(c); st.Word() {
		case state.Running:
			i.ContainersRunning++
		case state.Paused:
			i.ContainersPaused++
		default:
			i.ContainersStopped++
		}
	}
	for _, f := range e.Check(ctx) {
		if !f.OK() {
			i.Warnings = append(i.Warnings, "WARNING: "+f.What+": "+f.Detail)
		}
	}
	return i, errors.Join(err, i.machine())
}

// machine is what the kernel tells.
func (i *Info) machine() error {
	var name unix.Utsname
	var mem unix.Sysinfo_t
	if err := errors.Join(unix.Uname(&name), unix.Sysinfo(&mem)); err != nil {
		return err
	}
	i.KernelVersion = unix.ByteSliceToString(name.Release[:])
	i.Architecture = unix.ByteSliceToString(name.Machine[:])
	i.Name = unix.ByteSliceToString(name.Nodename[:])
	i.MemTotal = int64(mem.Totalram) * int64(mem.Unit)
	forward, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	i.IPv4Forwarding = strings.TrimSpace(string(forward)) == "1"
	i.OperatingSystem, i.OSVersion = release()
	i.ID = ownID()
	return err
}

// ownID tells this machine from others. It is made of its machine-id(5), which
// is to be nobody else's to know, in the way of
// sd_id128_get_machine_app_specific(3).
func ownID() string {
	mac := hmac.New(sha256.New, []byte(machineID()))
	mac.Write([]byte("minibridge info"))
	b := mac.Sum(nil)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// release is what the system calls itself (os-release(5)).
func release() (name, version string) {
	f, err := os.Open("/etc/os-release")
	if err != nil {
		return "Linux", ""
	}
	defer f.Close()
	values := map[string]string{"PRETTY_NAME": "Linux"}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		if plain, err := strconv.Unquote(value); err == nil {
			value = plain
		}
		values[key] = value
	}
	return values["PRETTY_NAME"], values["VERSION_ID"]
}
