package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
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
		if err := rewriteIn(run, c, was, now); err != nil {
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
func rewriteIn(run *state.Run, c *state.Container, was, now *state.Run) error {
	root, err := openForEdit(run)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, os.ErrProcessDone) {
		return nil // its command has just ended
	}
	if err != nil {
		return err
	}
	defer root.Close()
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
	if err := editIn(root, hostsFile, hosts); err != nil || was.DNS != 0 || now.DNS == 0 {
		return err
	}
	resolv, err := resolvOf(c, now)
	if err != nil {
		return err
	}
	return editIn(root, resolvFile, func(text string) string {
		if digest(text) != now.Resolv { // somebody has edited it
			return text
		}
		return resolv
	})
}

// openForEdit opens a running container's root for a change of its files,
// read-only or not.
func openForEdit(run *state.Run) (*os.File, error) {
	root, err := openRoot(run)
	if err != nil {
		return nil, err
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(root.Fd()), &st); err != nil || st.Flags&unix.ST_RDONLY == 0 {
		return root, err
	}
	root.Close()
	return sandbox.WritableRoot(run.Init.Pid, run.Init.Start)
}

// without are those of all that others don't have.
func without(all, others []state.Attachment) []state.Attachment {
	return slices.DeleteFunc(slices.Clone(all), func(at state.Attachment) bool {
		return slices.ContainsFunc(others, func(o state.Attachment) bool { return o.EndpointID == at.EndpointID })
	})
}

// maxEtcFile is the longest of these files that is edited, in bytes.
const maxEtcFile = 1 << 20

// editIn changes a file below a container's root, which lies in the container's
// own layer. What a person has mounted there is his, and what the container has
// made of it, a link or a device, is left alone.
func editIn(root *os.File, path string, edit func(string) string) error {
	how := unix.OpenHow{Flags: unix.O_RDWR | unix.O_CLOEXEC | unix.O_NONBLOCK, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV}
	fd, err := unix.Openat2(int(root.Fd()), path, &how)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EXDEV) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxEtcFile+1))
	if err != nil || len(b) > maxEtcFile {
		return err
	}
	text := edit(string(b))
	if text == string(b) {
		return nil
	}
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(text)))
}

// digest tells an edited file from the one that was written.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
