package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/sandbox"
)

// A beginning is what the start of a container depends on, beside it.
type beginning struct {
	output bool         // the person gets what it writes
	stdin  bool         // when the person goes, its standard input ends
	size   sandbox.Size // of the terminal that it gets, if it is to have one
	before *state.State // how it will stand again when it can't be started; nil = then it goes

	backoff time.Duration // how long it has rested, when its policy starts it
	waiters []*os.File    // connections of those who wait for its end
}

// start brings up what a container needs in the kernel and writes it down as
// running. Its supervisor gets the order before the network is there, so that
// it builds the root file system meanwhile; the go is the caller's. On an
// error nothing of it is left but the record that there was before.
func (s *session) start(ctx context.Context, c *state.Container, sup *supervisor, b beginning) (err error) {
	run := &state.Run{ID: c.ID, Name: c.Name, SandboxID: newID(), Supervisor: sup.process, Sysctls: netSysctls(&c.Spec), Before: b.before, Backoff: b.backoff}
	o := &order{Dirs: s.dirs, Firewall: s.firewallName, Container: c, Run: run, Hostname: hostname(c), Attach: b.output, Stdin: b.stdin, Size: b.size, Waiting: len(b.waiters), waiting: b.waiters}
	if o.PIDOf, err = s.joinPID(&c.Spec); err != nil {
		return err
	}
	if o.IPCOf, err = s.joinIPC(&c.Spec); err != nil {
		return err
	}
	if err := s.upHost(ctx); err != nil {
		return err
	}
	networks, err := s.networks()
	if err != nil {
		return err
	}
	if err := s.place(ctx, networks, o); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			sup.dismiss()
			err = errors.Join(err, s.forget(run))
		}
	}()
	if err := s.held.WriteRun(run); err != nil {
		return err
	}
	if err := sup.give(o); err != nil {
		return err
	}
	if err := s.wire(ctx, run, networks); err != nil {
		return fmt.Errorf("failed to set up container networking: %w", err)
	}
	s.cabled(run.ID, "connect", run.Endpoints)
	return s.markRunning(c, run)
}

// wire makes true what place has decided, from the namespace to the ports.
func (s *session) wire(ctx context.Context, run *state.Run, networks []*state.Network) error {
	if err := s.up(ctx, containerOwner(run.ID), s.sandboxPlan(run)); err != nil {
		return err
	}
	for _, at := range run.Wired() {
		if err := s.plug(ctx, run, at, networks); err != nil {
			return err
		}
	}
	if err := s.up(ctx, wayOwner(run.ID), s.wayPlan(run, &state.Run{})); err != nil {
		return err
	}
	if err := s.held.DropJournal(wayOwner(run.ID)); err != nil { // it goes with the namespace
		return err
	}
	if err := s.up(ctx, portsOwner(run.ID), s.publishPlan(run, networks)); err != nil {
		return err
	}
	return errors.Join(nat.FlushFlows(mappings(run.Ports)), s.announceNames(run))
}

// place decides where the container stands in the network: its namespace, its
// endpoints, its ports, its name files. Of all that only the bound sockets of
// the ports are real after it, and the networks.
func (s *session) place(ctx context.Context, networks []*state.Network, o *order) (err error) {
	c, run := o.Container, o.Run
	if id, ok := strings.CutPrefix(c.Spec.Network, "container:"); ok {
		return s.join(run, id, o)
	}
	if err := s.settleEndpoints(ctx, networks, c, run); err != nil {
		return err
	}
	gateway := gatewayOf(networks)
	if s.sharesHost(c, networks) {
		o.Files, err = hostFiles(o, gateway)
		return err
	}
	if err := checkNetnsName(c.Name); err != nil {
		return err
	}
	run.Netns = c.Name
	r, err := s.reserver().settlePorts(c, run, networks)
	if err != nil {
		return err
	}
	run.Ports, o.sockets = r.ports, r.files
	o.Files, err = ownFiles(o, gateway)
	run.Resolv = digest(o.Files[resolvFile])
	return err
}

// settleEndpoints chooses the endpoints, one a network that was asked for, and
// brings these networks up.
func (s *session) settleEndpoints(ctx context.Context, networks []*state.Network, c *state.Container, run *state.Run) error {
	for _, w := range c.Spec.Endpoints {
		n, err := findNetwork(networks, w.Network)
		if err != nil {
			return errorf("failed to set up container networking: %v", err).hint("minibridge network ls")
		}
		if err := s.upNetwork(ctx, n); err != nil {
			return err
		}
		at, err := s.attachHere(n, w, c)
		if err != nil {
			return fmt.Errorf("failed to set up container networking: %w", err)
		}
		run.Endpoints = append(run.Endpoints, at)
	}
	sortEndpoints(run)
	s.nameLinks(run, networks, []string{"lo"}, c.Spec.Endpoints)
	if needsNames(run) {
		run.DNS = newResolverPort()
	}
	return nil
}

// needsNames says that a run is on a network whose containers find each other
// by name.
func needsNames(run *state.Run) bool {
	for _, at := range run.Endpoints {
		if len(at.Names) > 0 {
			return true
		}
	}
	return false
}

// discarded is why the ports of a container that is only on such networks are
// not published.
func discarded(at state.Attachment) string {
	return "Published ports are discarded on the internal network " + at.Network
}

// join lets the container share another's network namespace, host name and
// name files.
func (s *session) join(run *state.Run, id string, o *order) error {
	target, other, err := s.joinable(id)
	if err != nil {
		return err
	}
	run.Joined = target.ID
	o.Hostname = execHostname(target, other)
	run.Hostname = o.Hostname
	o.Joined = other.Init
	o.Files, err = joinedFiles(other)
	return err
}

// joinable is a container whose network namespace another one can have, too.
func (e *Engine) joinable(id string) (*state.Container, *state.Run, error) {
	target, err := e.find(id)
	if err != nil {
		return nil, nil, errorf("joining network namespace of container: %v", err)
	}
	run, status := e.status(target)
	if run == nil && status.Up() {
		_, err := e.running(target)
		return nil, nil, err
	}
	if status.Status != state.Running {
		return nil, nil, errorf("cannot join network namespace of a non running container: container %s is %s", target.Name, status.Status).
			hint("minibridge run --network none … (a namespace of its own)")
	}
	return target, run, nil
}

// markRunning writes the record before the command runs, so that it needs no
// lock for it later.
func (s *session) markRunning(c *state.Container, run *state.Run) error {
	boot, err := state.Boot()
	if err != nil {
		return err
	}
	c.State = state.State{Status: state.Running, Started: time.Now().UTC(), Boot: boot}
	c.Last = lastOf(run)
	return s.held.WriteContainer(c)
}

// forget takes back what start wrote down of a container that didn't start.
func (s *session) forget(run *state.Run) error {
	return errors.Join(s.dismantle(run), s.held.RemoveRun(run.ID))
}

// gatewayOf is the host's address on the default network.
func gatewayOf(networks []*state.Network) netip.Addr {
	n, err := findNetwork(networks, defaultNetwork)
	if err != nil {
		return netip.Addr{}
	}
	return n.Gateway
}

// hostname is the container's own: the short id unless another was asked for.
func hostname(c *state.Container) string {
	if c.Spec.Hostname != "" {
		return c.Spec.Hostname
	}
	return state.ShortID(c.ID)
}
