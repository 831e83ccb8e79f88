package hosttest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// parameters are the kernel parameters that minibridge sets or depends on, below
// /proc/sys/net, which shows the thread's network namespace; those with * once for each device.
var parameters = []string{
	"ipv4/ip_forward",
	"ipv4/ip_unprivileged_port_start",
	"ipv4/ping_group_range",
	"ipv4/conf/*/forwarding",
	"ipv4/conf/*/route_localnet",
	"ipv4/conf/*/rp_filter",
	"ipv6/conf/*/accept_dad",
	"ipv6/conf/*/accept_ra",
	"ipv6/conf/*/disable_ipv6",
	"ipv6/conf/*/forwarding",
	"bridge/bridge-nf-call-iptables",
	"bridge/bridge-nf-call-ip6tables",
}

func settings() fact {
	var lines []string
	for _, pattern := range parameters {
		paths, err := places(pattern)
		if err != nil {
			return failed(err)
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue // its device has just gone
			}
			if err != nil {
				return failed(err)
			}
			key := strings.TrimPrefix(path, "/proc/sys/")
			lines = append(lines, fmt.Sprintf("sysctl %s = %s", key, strings.Join(strings.Fields(string(b)), " ")))
		}
	}
	return func() ([]string, error) { return lines, nil }
}

// places are the files of a parameter. (filepath.Glob would list every device's
// folder, some fifty files each.)
func places(pattern string) ([]string, error) {
	pattern = "/proc/sys/net/" + pattern
	before, after, each := strings.Cut(pattern, "*")
	if !each {
		return []string{pattern}, nil
	}
	devices, err := os.ReadDir(before)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // as without IPv6
		return nil, err
	}
	var paths []string
	for _, device := range devices {
		paths = append(paths, before+device.Name()+after)
	}
	return paths, nil
}
