package engine

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/sandbox"
)

// ended is how a container ended.
type ended struct {
	code int
	text string
	kept bool // to be started again, --rm or not
}

// settle takes a container's network down and writes how it ended; one that
// was made with --rm goes altogether. That it runs is forgotten last: who
// looks meanwhile finds out how it ended, and not that it was killed.
func (s *session) settle(run *state.Run, how ended) error {
	err := s.dismantle(run)
	c, cerr := s.dirs.ReadContainer(run.ID)
	switch {
	case errors.Is(cerr, fs.ErrNotExist): // removed by force meanwhile
	case cerr != nil:
		err = errors.Join(err, cerr)
	default:
		c.Last = lastOf(run)
		return errors.Join(err, s.conclude(c, run, how))
	}
	return errors.Join(err, s.held.RemoveRun(run.ID))
}

// conclude is what becomes of a container that has ended, of which the kernel has
// nothing any more.
func (s *session) conclude(c *state.Container, run *state.Run, how ended) (err error) {
	switch {
	case c.Spec.AutoRemove && !how.kept:
		s.over(c, run, how.code)
		err = s.remove(c)
	case c.State.Status == state.Running: // else it says already
		c.State.Status, c.State.ExitCode, c.State.Error, c.State.Finished = state.Exited, how.code, how.text, time.Now().UTC()
		err = s.writeEnd(run, c)
		s.over(c, run, how.code)
		return err
	}
	return errors.Join(err, s.held.RemoveRun(run.ID))
}

// lastOf is what a container will ask for the next time.
func lastOf(run *state.Run) state.Last {
	last := state.Last{Ports: run.Ports}
	for _, at := range run.Wired() {
		if last.Addresses == nil {
			last.Addresses = make(map[string][]netip.Addr)
		}
		for _, a := range []netip.Prefix{at.Address, at.Address6} {
			if a.IsValid() {
				last.Addresses[at.NetworkID] = append(last.Addresses[at.NetworkID], a.Addr())
			}
		}
	}
	return last
}

// unstarted takes back a run that didn't come to be. That it was begun is
// forgotten last, so that whoever is killed in here leaves it to the next.
func (s *session) unstarted(run *state.Run, cause error) error {
	if cause != nil { // else nobody knows how far it came
		s.cabled(run.ID, "disconnect", run.Endpoints)
	}
	return errors.Join(s.dismantle(run), s.undone(run, cause))
}

// undone is what becomes of a container that could not be started: one that
// was made for this run goes, another stands as before and says why. No cause
// is a start that was cut short. What its policy has tried to start keeps the
// exit code that it had.
func (s *session) undone(run *state.Run, cause error) error {
	c, err := s.dirs.ReadContainer(run.ID)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.Join(s.remove(&state.Container{ID: run.ID, Name: run.Name}), s.held.RemoveRun(run.ID))
	case err != nil:
		return errors.Join(err, s.held.RemoveRun(run.ID))
	case run.Before == nil:
		return errors.Join(s.remove(c), s.held.RemoveRun(run.ID))
	}
	c.State = *run.Before
	if cause != nil {
		c.State.Error = describe(cause).Text
	}
	if cause != nil && run.Backoff == 0 {
		c.State.ExitCode = notStarted
		if x, ok := errors.AsType[*sandbox.ExecError](cause); ok {
			c.State.ExitCode = x.ExitCode()
		}
	}
	return s.writeEnd(run, c)
}

// notStarted is Docker's exit code of a container that could not be started,
// for another reason than its command.
const notStarted = 128

// latest is a run as its record says now, which has gone where the container
// was since its supervisor heard of it; as it was then, when there is none.
func (s *session) latest(run *state.Run) *state.Run {
	if now, err := s.dirs.ReadRun(run.ID); err == nil {
		return now
	}
	return run
}

// killed is the exit code of a container whose supervisor was killed.
const killed = 128 + int(unix.SIGKILL)

// supervisorKilled is how a container has ended whose supervisor was.
var supervisorKilled = ended{code: killed, text: "its supervisor was killed"}

// rebooted is the exit code of a container that ran when the machine went
// down.
const rebooted = 255

// reap cleans up after a supervisor that was killed. Its command died with it,
// unless it changed its user, which makes the kernel forget the parent-death
// signal (prctl(2), PR_SET_PDEATHSIG). One that was not executed yet was being
// started.
func (s *session) reap(run *state.Run) error {
	if run.End != nil {
		return s.writeLate(run)
	}
	if run.Init.Pid != 0 {
		err := sandbox.Signal(run.Init.Pid, run.Init.Start, unix.SIGKILL)
		if err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
	}
	if run.Init.Pid == 0 {
		return s.unstarted(run, nil)
	}
	return s.settle(run, supervisorKilled)
}

// remove forgets a container that doesn't run: record, name, log, layers.
func (s *session) remove(c *state.Container) error {
	known := s.dirs.HasName(c.Name, c.ID)
	err := errors.Join(s.held.RemoveContainer(c), os.RemoveAll(s.dirs.Layer(c.ID)))
	if run, rerr := s.dirs.ReadRun(c.ID); rerr == nil && run.End != nil {
		err = errors.Join(err, s.held.RemoveRun(c.ID)) // nobody else will
	}
	if known {
		s.happened(c, "destroy")
	}
	return err
}

// dismantle takes a run's network down, and frees its addresses: its ports
// first, its namespace last. What is left of one that was paused goes on, or
// version 1 of the freezer would keep a process for ever that was killed.
func (s *session) dismantle(run *state.Run) error {
	return errors.Join(
		s.down(pauseOwner(run.ID)),
		s.down(portsOwner(run.ID)),
		s.held.DropJournal(wayOwner(run.ID)), // it goes with the namespace
		s.unplug(run, run.Wired(), mappings(run.Ports)),
		s.down(containerOwner(run.ID)),
	)
}

// silent says that an endpoint can have left no flow worth a search: it sent
// nothing, and publishes only ports that would have answered. The search takes
// as long as the kernel's table is wide, and 10 ms where that has its 262144
// buckets.
func silent(at state.Attachment, ports []nat.Mapping) bool {
	for _, p := range ports {
		if p.Proto != "tcp" {
			return false
		}
	}
	sent, err := os.ReadFile("/sys/class/net/" + at.Veth + "/statistics/rx_packets")
	return err == nil && strings.TrimSpace(string(sent)) == "0"
}
