package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
)

// rewriteFiles makes the name files of a running container say where it is
// now, and those of the containers that share its network. What can't be
// written is said: the network is right all the same.
func (s *session) rewriteFiles(c *state.Container, was, now *state.Run) {
	runs, err := s.dirs.Runs()
	if err != nil {
		s.warn(err)
	}
	for _, run := range sharers(runs, now.ID) {
		if err := s.rewriteIn(run, c, was, now); err != nil {
			s.warn(fmt.Errorf("name files of container %s: %w", run.Name, err))
		}
	}
}

// sharers are the containers in one's network namespace: itself, those that
// joined it, those that joined these.
func sharers(runs []*state.Run, id string) (all []*state.Run) {
	in := map[string]bool{}
	for range runs { // a chain of them is no longer than that
		for _, run := range runs {
			if (run.ID == id || run.Joined == id || in[run.Joined]) && !in[run.ID] {
				in[run.ID] = true
				all = append(all, run)
			}
		}
	}
	return all
}

// rewriteIn does so in one container that is where now says.
func (e *Engine) rewriteIn(run *state.Run, c *state.Container, was, now *state.Run) error {
	its := c
	if run.ID != c.ID {
		var err error
		if its, err = e.dirs.ReadContainer(run.ID); err != nil {
			return err
		}
	}
	name := fullName(execHostname(c, now), c.Spec.Domainname)
	hosts := func(text string) string {
		for _, at := range without(was.Wired(), now.Wired()) {
			text = strings.Replace(text, hostsLines(at, name), "", 1)
		}
		for _, at := range without(now.Wired(), was.Wired()) {
			lines := hostsLines(at, name)
			if strings.Contains(text, lines) {
				continue
			}
			if text != "" && !strings.HasSuffix(text, "\n") {
				text += "\n"
			}
			text += lines
		}
		return text
	}
	if err := editOf(run, &its.Spec, hostsFile, hosts); err != nil || was.DNS != 0 || now.DNS == 0 {
		return err
	}
	resolv, err := resolvOf(c, now)
	if err != nil {
		return err
	}
	return editOf(run, &its.Spec, resolvFile, func(text string) string {
		if digest(text) != now.Resolv { // somebody has edited it
			return text
		}
		return resolv
	})
}

// without are those of all that others don't have.
func without(all, others []state.Attachment) []state.Attachment {
	return slices.DeleteFunc(slices.Clone(all), func(at state.Attachment) bool {
		return slices.ContainsFunc(others, func(o state.Attachment) bool { return o.EndpointID == at.EndpointID })
	})
}

// digest tells an edited file from the one that was written.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
