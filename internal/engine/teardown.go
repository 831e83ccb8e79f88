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

// settle takes a container's network down and writes how it ended; one that
// was started with --rm goes altogether. That it runs is forgotten last: who
// looks meanwhile finds out how it ended, and not that it was killed.
func (s *session) settle(run *state.Run, code int, text string) error {
	err := s.dismantle(run)
	c, cerr := s.dirs.ReadContainer(run.ID)
	switch {
	case errors.Is(cerr, fs.ErrNotExist): // removed by force meanwhile
	case cerr != nil:
		err = errors.Join(err, cerr)
	case c.Spec.AutoRemove:
		err = errors.Join(err, s.remove(c))
	case c.State.Status == state.Running: // else it says already
		c.State.Status, c.State.ExitCode, c.State.Error, c.State.Finished = state.Exited, code, text, time.Now().UTC()
		err = errors.Join(err, s.held.WriteContainer(c))
	}
	return errors.Join(err, s.held.RemoveRun(run.ID))
}

// killed is the exit code of a container whose supervisor was killed.
const killed = 128 + int(unix.SIGKILL)

// rebooted is the exit code of a container that ran when the machine went
// down.
const rebooted = 255

// reap cleans up after a supervisor that was killed. Its command died with it,
// unless it changed its user, which makes the kernel forget the parent-death
// signal (prctl(2), PR_SET_PDEATHSIG). A container that never ran leaves
// nothing.
func (s *session) reap(run *state.Run) error {
	if run.Init.Pid != 0 {
		err := sandbox.Signal(run.Init.Pid, run.Init.Start, unix.SIGKILL)
		if err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
	}
	c, err := s.dirs.ReadContainer(run.ID)
	if errors.Is(err, fs.ErrNotExist) {
		c, err = &state.Container{ID: run.ID, Name: run.Name}, nil
	}
	if err != nil {
		return err
	}
	if run.Init.Pid == 0 { // it was being run, and a run that fails leaves nothing
		return errors.Join(s.forget(run), s.remove(c))
	}
	return s.settle(run, killed, "its supervisor was killed")
}

// remove forgets a container that doesn't run: record, name, log, layers.
func (s *session) remove(c *state.Container) error {
	return errors.Join(s.held.RemoveContainer(c), os.RemoveAll(s.dirs.Layer(c.ID)))
}

// dismantle takes a run's network down and frees its addresses. Their flows go
// before anybody else can have one: what is still sent to the last that had it
// would reach the next. So would the packets of a rule that could not be taken
// down: addresses stay leased until it was.
func (s *session) dismantle(run *state.Run) error {
	quiet := silent(run)
	stays := s.down(containerOwner(run.ID))
	err := errors.Join(s.forgetNames(run), stays)
	if !quiet {
		var gone []netip.Addr
		for _, at := range run.Wired() {
			gone = append(gone, at.Address.Addr())
		}
		err = errors.Join(err, nat.FlushFlows(mappings(run.Ports), gone...))
	}
	if stays != nil {
		return err
	}
	return errors.Join(err, s.release(run))
}

// silent says that a run can have left no flow worth a search: it sent nothing,
// and publishes only ports that would have answered. The search takes as long
// as the kernel's table is wide, and 10 ms where that has its 262144 buckets.
func silent(run *state.Run) bool {
	for _, p := range run.Ports {
		if p.Proto != "tcp" {
			return false
		}
	}
	for _, at := range run.Wired() {
		sent, err := os.ReadFile("/sys/class/net/" + at.Veth + "/statistics/rx_packets")
		if err != nil || strings.TrimSpace(string(sent)) != "0" {
			return false
		}
	}
	return true
}

// running is the run of a container, or why there is none to be had.
func (e *Engine) running(c *state.Container) (*state.Run, error) {
	run, st := e.status(c)
	if run != nil {
		return run, nil
	}
	if st.Status == state.Running {
		_, err := e.dirs.ReadRun(c.ID)
		return nil, err
	}
	return nil, notRunning(c)
}

// status is how a container stands now, and its run when it is running. A
// record that says running is believed only while the supervisor lives.
func (e *Engine) status(c *state.Container) (*state.Run, state.State) {
	st := c.State
	if st.Status != state.Running {
		return nil, st
	}
	run, err := e.dirs.ReadRun(c.ID)
	if _, unreadable := errors.AsType[*state.RecordError](err); unreadable {
		return nil, st // who is to say that it has ended?
	}
	if err == nil && sandbox.Alive(run.Supervisor.Pid, run.Supervisor.Start) {
		return run, st
	}
	again, rerr := e.dirs.ReadContainer(c.ID)
	switch {
	case rerr != nil: // removed
	case again.State.Status != state.Running:
		return nil, again.State // it has ended since the record was read
	case errors.Is(err, fs.ErrNotExist) && e.answers(c.ID):
		return nil, st // somebody removed the record of the run alone
	}
	st.Status, st.ExitCode = state.Exited, killed
	if boot, err := state.Boot(); err == nil && boot != st.Boot {
		st.ExitCode = rebooted
	}
	if st.Finished.IsZero() {
		st.Finished = st.Started
	}
	return nil, st
}
