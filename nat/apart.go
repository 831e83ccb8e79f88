package nat

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"

	"github.com/minibridge/minibridge/plan"
)

// Apart is a backend that leads no network's containers to what is behind these
// bridges, but by published ports: as whoever made them keeps his own networks
// apart. Other bridges of the host may be its way out.
func Apart(b Backend, bridges ...string) Backend { return apart{b, bridges} }

type apart struct {
	Backend
	bridges []string
}

func (a apart) Network(n Network) plan.Plan {
	for _, bridge := range a.bridges {
		if bridge != n.Bridge {
			n.Apart = append(n.Apart, bridge)
		}
	}
	return a.Backend.Network(n)
}

// Mark is of the bridges as well: who knows of others has other rules, though
// nobody has changed any.
func (a apart) Mark() (Mark, error) {
	m, err := a.Backend.Mark()
	m.at.tool += fmt.Sprintf(" apart from %q", a.bridges)
	return m, err
}

// docker0 is Docker's first bridge.
const docker0 = "docker0"

// dockers are the names that Docker gives the others. Until version 28 a policy
// of DROP alone closes them, before which our rules stand.
var dockers = regexp.MustCompile(`^br-[0-9a-f]{12}$`)

// DockerBridges are those of the calling thread's network namespace, by name:
// each link has a folder there (Documentation/networking/ip-sysctl.rst). docker0
// is always one: rules may name a device that comes later.
func DockerBridges() ([]string, error) {
	bridges := []string{docker0}
	links, err := os.ReadDir("/proc/sys/net/ipv4/conf")
	if errors.Is(err, fs.ErrNotExist) {
		return bridges, nil // no IPv4
	}
	for _, link := range links {
		if dockers.MatchString(link.Name()) {
			bridges = append(bridges, link.Name())
		}
	}
	return bridges, err
}
