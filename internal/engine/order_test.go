package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
)

// A rival wants port 8080 whenever a rule that names it is about to be made, or
// to go.
type rival struct {
	heard int
	got   error
}

func (r *rival) Write(line []byte) (int, error) {
	if !strings.Contains(string(line), "8080") {
		return len(line), nil
	}
	r.heard++
	for _, proto := range []string{"tcp", "udp"} {
		if err := grab(proto); !errors.Is(err, unix.EADDRINUSE) {
			r.got = errors.Join(r.got, fmt.Errorf("somebody else gets the port of %s (%v) before %s", proto, err, line))
		}
	}
	return len(line), nil
}

// grab takes the port, and lets go of it.
func grab(proto string) error {
	files, err := nat.Reserve(nat.Mapping{HostPort: 8080, Port: 80, Count: 1, Proto: proto})
	for _, f := range files {
		f.Close()
	}
	return err
}

// contested are verbs that make rules for the port, or take them back.
var contested = []struct {
	name string
	do   func(context.Context, *engine.Engine, engine.Streams) error
}{
	{"run", func(ctx context.Context, e *engine.Engine, s engine.Streams) error {
		spec := engine.Spec{Args: []string{"sleep", "1000"}, Network: "bridge", CallerDir: "/", Publish: rivalPorts, Detach: true}
		_, err := e.Run(ctx, spec, "web", s)
		return err
	}},
	{"unpublish", func(ctx context.Context, e *engine.Engine, _ engine.Streams) error {
		return e.Unpublish(ctx, "web", rivalPorts)
	}},
	{"publish", func(ctx context.Context, e *engine.Engine, _ engine.Streams) error {
		_, err := e.Publish(ctx, "web", rivalPorts)
		return err
	}},
	{"start", func(ctx context.Context, e *engine.Engine, s engine.Streams) error {
		_, err := e.Start(ctx, "web", engine.StartOptions{}, s)
		return err
	}},
}

var rivalPorts = []string{"8080:80", "8080:80/udp"}

// contest does one of them beside a rival.
func contest(config engine.Config, i int) error {
	var r rival
	config.Explain = &r
	e, err := engine.New(config)
	if err != nil {
		return err
	}
	err = contested[i].do(context.Background(), e, engine.Streams{Out: os.Stdout, Err: os.Stderr})
	if r.heard == 0 {
		err = errors.Join(err, errors.New("no rule names the port"))
	}
	return errors.Join(err, r.got)
}

// There is no moment in which a rule leads to a container from a port that
// another program could have: its socket comes first, and goes last.
func TestAPortHasItsSocketAsLongAsItHasRules(t *testing.T) {
	for _, firewall := range []string{"iptables", "nftables"} {
		t.Run(firewall, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				t.Setenv("MINIBRIDGE_FIREWALL", firewall)
				for i, verb := range contested {
					if t.Log(verb.name); verb.name == "start" {
						m.Sh(t, "minibridge stop -t 0 web")
					}
					sacrifice(t, fmt.Sprint("contest ", i))
				}
				m.Sh(t, "minibridge rm -f web; minibridge reset -f")
				if err := errors.Join(grab("tcp"), grab("udp")); err != nil {
					t.Errorf("afterwards: %v", err)
				}
			})
		})
	}
}
