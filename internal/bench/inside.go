package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/minibridge/minibridge/internal/load"
)

// inside measures, in the machine: whatever is up then ends with it.
func inside(options string) error {
	var o Options
	if err := json.Unmarshal([]byte(options), &o); err != nil {
		return err
	}
	server, err := load.Server(netip.AddrPortFrom(netip.IPv4Unspecified(), port))
	if err != nil {
		return err
	}
	if err := start(server); err != nil {
		return err
	}
	if err := start(run(o.Firewall, server)); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	for round := range o.Rounds + 1 {
		d := o.Time
		if round == 0 {
			d /= 4
		}
		for _, m := range measures {
			for i := range ways {
				s, err := measure(m.kind, (i+round)%len(ways), d)
				if err != nil {
					return err
				}
				s.Round = round
				if err := out.Encode(s); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func measure(kind load.Kind, w int, d time.Duration) (s sample, err error) {
	s = sample{Kind: kind, Way: w}
	s.Took, err = load.Measure(context.Background(), ways[w].from, kind, ways[w].to, d)
	if err != nil {
		err = fmt.Errorf("%s: %w", ways[w].name, err)
	}
	return s, err
}

// run is the command line of a container with the server in it.
func run(firewall string, server []string) []string {
	argv := []string{server[0], "--firewall", firewall, "run"}
	for _, proto := range []string{"tcp", "udp"} {
		argv = append(argv, "-p", fmt.Sprintf("%d:%d/%s", published, port, proto))
	}
	return append(argv, server...)
}

// start starts a server. What the environment says to minibridge is about the
// real machine.
func start(argv []string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MINIBRIDGE_") })
	return load.Start(cmd)
}
