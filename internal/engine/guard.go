package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/minibridge/minibridge/plan"
)

// guardFindings tell when somebody has flushed the rules that keep what the
// host serves on 127.0.0.1 from containers: a bridge with route_localnet leads
// them there.
func (e *Engine) guardFindings() []Finding {
	const what = "guard of 127.0.0.1"
	open, err := e.leadingToLocalhost()
	if err != nil {
		return []Finding{{"bad", what, err.Error()}}
	}
	if len(open) == 0 {
		return nil
	}
	missing, err := plan.Drift(e.firewall.Guard())
	switch {
	case err != nil:
		return []Finding{{"bad", what, err.Error()}}
	case len(missing) > 0:
		return []Finding{{"bad", what, fmt.Sprintf("rules are missing, and containers on %s reach what the host serves there; try: minibridge repair", strings.Join(open, ", "))}}
	}
	return []Finding{{"ok", what, "in place"}}
}

// leadingToLocalhost are the bridges of ours that have route_localnet
// (Documentation/networking/ip-sysctl.rst).
func (e *Engine) leadingToLocalhost() (bridges []string, err error) {
	networks, err := e.dirs.Networks()
	for _, n := range networks {
		if n.Bridge == "" {
			continue
		}
		value, rerr := os.ReadFile("/proc/sys/net/ipv4/conf/" + n.Bridge + "/route_localnet")
		if strings.TrimSpace(string(value)) == "1" {
			bridges = append(bridges, n.Bridge)
		}
		if rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}
	return bridges, err
}
