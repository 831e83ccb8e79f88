package engine

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// containerName is Docker's rule (two characters at least).
var containerName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)

// maxName is the longest name, in bytes: it becomes a file in /run/netns and a
// host name's label (RFC 1035, section 2.3.4).
const maxName = 63

// checkName returns the name as it is kept: a leading slash, which Docker's
// JSON shows, is not part of it.
func checkName(name string) (string, error) {
	name = strings.TrimPrefix(name, "/")
	if len(name) == 1 && containerName.MatchString(name+name) {
		return "", errorf("Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed (two characters at least)", name)
	}
	if !containerName.MatchString(name) {
		return "", errorf("Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", Printable(name))
	}
	if len(name) > maxName {
		return "", errorf("Invalid container name (%s…): %d bytes, %d are allowed", name[:20], len(name), maxName)
	}
	return name, nil
}

// define makes the record of a new container: an id, a name, its network
// resolved. The missing directories are made once nothing else can be wrong.
func (s *session) define(spec Spec, name string, missing []string) (*state.Container, error) {
	all, err := s.networks()
	if err != nil {
		return nil, err
	}
	if err := s.resolveNetwork(&spec, all); err != nil {
		return nil, err
	}
	if err := s.resolveModes(&spec); err != nil {
		return nil, err
	}
	c := &state.Container{ID: newID(), Created: time.Now().UTC(), Spec: spec, State: state.State{Status: state.Created}}
	if err := s.named(c, name); err != nil {
		return nil, err
	}
	if err := makeSources(missing); err != nil {
		return nil, errors.Join(err, s.held.RemoveContainer(c))
	}
	s.happened(c, "create")
	return c, nil
}

// named takes the name, or one made up. The record is written when the
// container stands: one that doesn't get that far leaves nothing to remove.
func (s *session) named(c *state.Container, name string) error {
	if name != "" {
		return s.takeName(c, name)
	}
	for _, made := range generatedNames() {
		if err := s.takeName(c, made); err == nil {
			return nil
		}
	}
	return s.takeName(c, state.ShortID(c.ID))
}

func (s *session) takeName(c *state.Container, name string) error {
	name, err := checkName(name)
	if err != nil {
		return err
	}
	err = s.held.TakeName(name, c.ID)
	if errors.Is(err, fs.ErrExist) {
		return s.nameTaken(name)
	}
	if err != nil {
		return err
	}
	c.Name = name
	if err := checkNetnsName(name); err != nil {
		return errors.Join(err, s.held.RemoveContainer(c))
	}
	return nil
}

func (e *Engine) nameTaken(name string) error {
	owner, err := e.dirs.ContainerByName(name)
	if err != nil {
		return err
	}
	return errorf("Conflict. The container name %q is already in use by container %q. You have to remove (or rename) that container to be able to reuse that name.", "/"+name, owner.ID).
		hint("minibridge rm -f %s", name)
}

// resolveNetwork turns the networks' names into what is kept, and refuses one
// that isn't there.
func (e *Engine) resolveNetwork(spec *Spec, all []*state.Network) error {
	if ref, ok := strings.CutPrefix(spec.Network, "container:"); ok {
		target, err := e.find(ref)
		if err != nil {
			return errorf("joining network namespace of container: %v", err).hint("minibridge ps")
		}
		spec.Network, spec.Endpoints = "container:"+target.ID, nil
		return nil
	}
	return settle(spec, all)
}

// chosenNetwork is the one that a new container is to be on.
func chosenNetwork(all []*state.Network, ref string) (*state.Network, error) {
	n, err := findNetwork(all, ref)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errorf("failed to set up container networking: %v", err).hint("minibridge network ls")
	}
	return n, err
}

// generatedNames are a few names to try, the last ones with a digit.
func generatedNames() []string {
	base := pick(adjectives) + "_" + pick(surnames)
	names := []string{base}
	for _, digit := range slices.Collect(digits()) {
		names = append(names, base+digit)
	}
	return names
}

// checkNetnsName refuses a name that a namespace of somebody else has. It is
// asked for containers that don't run: they have none.
func checkNetnsName(name string) error {
	path := plan.NS(name).Path()
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return errorf("the network namespace %s is someone else's: a container can't have its name", path).
		hint("minibridge run --name OTHER …")
}
