package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/load"
)

// inside measures, in the machine: whatever is up then ends with it.
func inside(options string) error {
	var o Options
	if err := json.Unmarshal([]byte(options), &o); err != nil {
		return err
	}
	f := o.family()
	server, err := load.Server(netip.AddrPortFrom(f.any, port))
	if err != nil {
		return err
	}
	if err := f.prepare(o, server[0]); err != nil {
		return err
	}
	if err := start(server); err != nil {
		return err
	}
	if err := start(f.run(o, server)); err != nil {
		return err
	}
	return takeTurns(f.ways(), o)
}

// takeTurns measures every way in each round, and writes what that gives.
func takeTurns(ways []way, o Options) error {
	out := json.NewEncoder(os.Stdout)
	for round := range o.Rounds + 1 {
		d := o.Time
		if round == 0 {
			d /= 4
		}
		for _, m := range measures {
			for i := range ways {
				w := (i + round) % len(ways)
				took, err := load.Measure(context.Background(), ways[w].from, m.kind, ways[w].to, d)
				if err != nil {
					return fmt.Errorf("%s: %w", ways[w].name, err)
				}
				if err := out.Encode(sample{Kind: m.kind, Way: w, Round: round, Took: took}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// prepare gives the machine what it lacks for the family.
func (f family) prepare(o Options, minibridge string) error {
	cmd := exec.Command("sh", "-ec", f.setUp, minibridge, o.Firewall)
	cmd.Env = environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		return load.Said(bytes.NewBuffer(out), err)
	}
	return nil
}

// run is the command line of a container with the server in it.
func (f family) run(o Options, server []string) []string {
	argv := []string{server[0], "--firewall", o.Firewall, "run", "--network", f.network}
	for _, proto := range []string{"tcp", "udp"} {
		argv = append(argv, "-p", fmt.Sprintf("%d:%d/%s", published, port, proto))
	}
	return append(argv, server...)
}

// start starts a server.
func start(argv []string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = environ()
	return load.Start(cmd)
}

// environ is the environment without what it says to minibridge, which is about
// the real machine.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MINIBRIDGE_") })
}
