package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// Rename gives a container another name, whether it runs or not: its network
// namespace and the note on its cable too, and its peers know it by the new
// name at once.
func (e *Engine) Rename(ctx context.Context, ref, name string) (err error) {
	s, err := e.lock(ctx, "rename")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	c, err := s.find(ref)
	if err != nil {
		return err
	}
	if name, err = s.newName(c, name); err != nil {
		return err
	}
	run, st := s.status(c)
	if run == nil && st.Status == state.Running {
		_, err := s.running(c)
		return err
	}
	if err := s.held.TakeName(name, c.ID); err != nil {
		return err
	}
	if run != nil {
		err := s.renameRun(ctx, run, renamed(c, run, name))
		if err != nil && s.clean { // nothing has the new name
			err = errors.Join(err, s.held.FreeName(name, c.ID))
		}
		if err != nil {
			return err
		}
	}
	old := c.Name
	err = s.renameRecord(c, run, name)
	if err == nil {
		s.happened(c, "rename", fact{"oldName", "/" + old})
	}
	return err
}

// renameRecord renames a container's record, which comes last. When that can't
// be written, nothing has the new name any more; run is as before, nil if there
// is none.
func (s *session) renameRecord(c *state.Container, run *state.Run, name string) error {
	old := c.Name
	err := s.held.Rename(c, name)
	switch {
	case err == nil:
		return nil
	case c.Name != old: // it was
		s.clean = false // the next verb ends it
		return err
	}
	if run != nil {
		err = errors.Join(err, s.renameRun(context.Background(), renamed(c, run, name), run))
	}
	return errors.Join(err, s.held.FreeName(name, c.ID))
}

// newName is the name as it is kept, if the container can have it.
func (e *Engine) newName(c *state.Container, name string) (string, error) {
	const refused = "Error when allocating new name: "
	name, err := checkName(name)
	if err != nil {
		return "", errorf(refused+"%v", err)
	}
	if name == c.Name {
		return "", errorf("Renaming a container with the same name as its current name")
	}
	if _, err := e.dirs.ContainerByName(name); err == nil {
		taken := e.nameTaken(name)
		return "", errorf(refused+"%v", taken).hint("%s", Hint(taken))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return name, checkNetnsName(name)
}

// renamed is the run of a container as it is to be under another name.
func renamed(c *state.Container, run *state.Run, name string) *state.Run {
	container, to := *c, *run
	container.Name, to.Name = name, name
	if run.Netns != "" {
		to.Netns = name
	}
	to.Endpoints = nil
	for _, at := range run.Endpoints {
		if len(at.Names) > 0 {
			at.Names = namesOf(&container, at.Aliases)
		}
		to.Endpoints = append(to.Endpoints, at)
	}
	return &to
}

// renameRun renames what runs, all but the container's record. The run's comes
// first: one that has another name than its container tells who comes after a
// kill to finish this. Every part of it may be done twice.
func (s *session) renameRun(ctx context.Context, from, to *state.Run) error {
	if err := s.held.WriteRun(to); err != nil {
		return err
	}
	if err := s.up(ctx, containerOwner(to.ID), s.renamePlan(from, to)); err != nil {
		return errors.Join(err, s.held.WriteRun(from))
	}
	err := s.renameSteps(from, to)
	if err == nil {
		err = s.announceNames(to)
	}
	if err != nil {
		s.clean = false // the next verb ends it
	}
	return err
}

// renamePlan is what of a container's name is in the kernel.
func (e *Engine) renamePlan(from, to *state.Run) (p plan.Plan) {
	if from.Netns == "" {
		return nil
	}
	pin := e.dirs.NetnsPin(to.ID)
	p.Do(&sandbox.NetnsBind{Name: plan.NS(to.Netns), Pin: pin}, "the namespace gets the new name beside the old one")
	p.Do(&sandbox.NetnsUnbind{Name: plan.NS(from.Netns), Pin: pin}, "and loses that; processes, links and addresses in it notice nothing")
	for _, at := range to.Wired() {
		if at.Veth != "" {
			p.Do(&bridge.LinkAlias{Dev: at.Veth, Alias: cableNote(to, at), Old: cableNote(from, at)}, "a note for people: whose cable this is")
		}
	}
	return p
}

// renameSteps makes the container's undo steps speak of the new name, and
// leaves those out that would bring the old one back.
func (s *session) renameSteps(from, to *state.Run) error {
	for _, owner := range containerOwners(to) {
		_, j, err := s.executor(owner)
		if err != nil {
			return err
		}
		var steps []plan.Step
		for _, step := range j.Steps() {
			switch step.(type) {
			case *sandbox.NetnsBind, *sandbox.NetnsUnbind, *bridge.LinkAlias:
			default:
				steps = append(steps, plan.Renamed(step, plan.NS(from.Netns), plan.NS(to.Netns)))
			}
		}
		if err := j.Rewrite(steps); err != nil {
			return err
		}
	}
	return nil
}

// finishRename ends what a verb was killed in that renamed a running container.
func (s *session) finishRename(run *state.Run) error {
	c, err := s.dirs.ReadContainer(run.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is being made
	}
	if err != nil || c.Name == run.Name {
		return err
	}
	from := renamed(c, run, c.Name)
	if err := s.held.TakeName(run.Name, c.ID); err != nil {
		return errors.Join(err, s.held.WriteRun(from))
	}
	if err := s.renameRun(context.Background(), from, run); err != nil {
		return errors.Join(err, s.held.FreeName(run.Name, c.ID))
	}
	old := c.Name
	if err := s.renameRecord(c, from, run.Name); err != nil {
		return err
	}
	s.say("finished the renaming of container %s to %s", old, c.Name)
	return nil
}

// DryRename writes what Rename would do to the kernel.
func (e *Engine) DryRename(ref, name string, w io.Writer) error {
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	if name, err = e.newName(c, name); err != nil {
		return err
	}
	run, _ := e.status(c)
	if run == nil || run.Netns == "" {
		_, err := fmt.Fprintf(w, "# nothing in the kernel has the name of container %s\n", c.Name)
		return err
	}
	if _, err := io.WriteString(w, e.scriptHead()); err != nil {
		return err
	}
	return writeDrift(w, e.renamePlan(run, renamed(c, run, name)))
}
