package engine

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// Kinds are the kinds of step that a journal may hold.
var Kinds = kinds

// WantsAgain and NextBackoff are what a policy goes by.
var (
	WantsAgain  = wantsAgain
	NextBackoff = nextBackoff
)

// Elsewhere is a suggestion of other host ports.
var Elsewhere = elsewhere

// HostPlan, NetworkPlan and ContainerPlan are the three kinds of plan;
// RouterPlan6 is what IPv6 adds to the host's.
func (e *Engine) HostPlan() plan.Plan { return e.hostPlan() }

func (e *Engine) RouterPlan6(uplinks []string) plan.Plan {
	return slices.Concat(e.firewall.Host6(), uplinkPlan(uplinks), routerPlan6(&state.Network{Subnet6: netip.MustParsePrefix("fd00::/64")}))
}

func (e *Engine) NetworkPlan(n *state.Network) plan.Plan { return e.networkPlan(n) }

func (e *Engine) ContainerPlan(run *state.Run, networks []*state.Network) plan.Plan {
	return e.containerPlan(run, networks)
}

// ArrivalPlan takes a running container to the last network of now.
func (e *Engine) ArrivalPlan(was, now *state.Run, networks []*state.Network) plan.Plan {
	return append(e.endpointPlan(now, now.Endpoints[len(now.Endpoints)-1], networks), e.wayPlan(now, was)...)
}

// RenamePlan gives a running container another name.
func (e *Engine) RenamePlan(run *state.Run, name string) plan.Plan {
	to := *run
	to.Name, to.Netns = name, name
	return e.renamePlan(run, &to)
}

// Recover is a verb that does nothing but what each verb does first.
func (e *Engine) Recover() error { return e.clean(context.Background(), "recover") }

// Disturbed says that the next verb will look at all rules.
func (e *Engine) Disturbed() bool {
	mark, err := e.firewall.Mark()
	return err != nil || e.dirs.RulesSeen() != mark.Then()
}

// UpAndDie brings up the plans of the host, the default network and a container
// with this name and these ports, and kills itself before or after it applies
// the op'th op, counted over all three; one that is already so kills nobody.
// If there are fewer, the error is ErrNoOp.
func (e *Engine) UpAndDie(name string, ports []state.Port, op int, after bool) error {
	s, err := e.lock(context.Background(), "run")
	if err != nil {
		return err
	}
	up := func(owner string, p plan.Plan) error {
		for i := range p {
			if op--; op == 0 {
				p[i].Op = &deadly{p[i].Op, after}
			}
		}
		return s.up(context.Background(), owner, p)
	}
	if err := up(hostOwner, e.hostPlan()); err != nil {
		return err
	}
	networks, err := s.networks()
	if err != nil {
		return err
	}
	n, err := findNetwork(networks, defaultNetwork)
	if err == nil {
		err = up(networkOwner(n.ID), e.networkPlan(n))
	}
	if err != nil {
		return err
	}
	run, err := s.imagineRun(name, n)
	if err != nil {
		return err
	}
	run.Ports = ports
	err = errors.Join(s.held.TakeName(name, run.ID), s.held.WriteRun(run))
	if err == nil {
		err = up(containerOwner(run.ID), e.sandboxPlan(run))
	}
	for _, at := range run.Wired() {
		if err == nil {
			err = errors.Join(s.held.Lease(n.ID, at.Address.Addr(), run.ID), up(endpointOwner(run.ID, at.EndpointID), e.endpointPlan(run, at, networks)))
		}
	}
	if err == nil {
		err = up(wayOwner(run.ID), e.wayPlan(run, &state.Run{}))
	}
	if err == nil {
		err = up(portsOwner(run.ID), e.publishPlan(run, networks))
	}
	if err == nil && op > 0 {
		err = ErrNoOp
	}
	return errors.Join(err, s.unlock())
}

// ErrNoOp is an op that there is not.
var ErrNoOp = errors.New("no such op")

// imagineRun is a container of this process.
func (s *session) imagineRun(name string, n *state.Network) (*state.Run, error) {
	leased, err := s.dirs.Leases(n.ID)
	if err != nil {
		return nil, err
	}
	at, err := s.attach(n, state.Wish{}, &state.Container{}, leased)
	if err != nil {
		return nil, err
	}
	at.Dev = "eth0"
	start, err := sandbox.StartTime(os.Getpid())
	return &state.Run{
		ID: newID(), Name: name, Netns: name, Endpoints: []state.Attachment{at},
		Supervisor: state.Process{Pid: os.Getpid(), Start: start},
	}, err
}

// deadly is an op that is its process's last.
type deadly struct {
	plan.Op
	after bool
}

func (d *deadly) Apply() error {
	if d.after {
		if err := d.Op.Apply(); err != nil {
			return err
		}
	}
	return unix.Kill(os.Getpid(), unix.SIGKILL)
}

// HearOut reads what a command wrote that has ended too long ago.
func HearOut(from *os.File) io.Reader {
	from.SetReadDeadline(time.Unix(1, 0))
	return &hearer{from: from}
}
