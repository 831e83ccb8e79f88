package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
)

// find looks a container up as Docker does: by whole id, by name, by the
// beginning of its id when only one begins so.
func (e *Engine) find(ref string) (*state.Container, error) {
	if ref == "" {
		return nil, errorf("invalid container name or ID: value is empty")
	}
	name := strings.TrimPrefix(ref, "/")
	if isID(name) {
		if c, err := e.dirs.ReadContainer(name); !errors.Is(err, fs.ErrNotExist) {
			return c, err
		}
	}
	if containerName.MatchString(name) && len(name) <= maxName {
		if c, err := e.dirs.ContainerByName(name); !errors.Is(err, fs.ErrNotExist) {
			return c, err
		}
	}
	return e.findPrefix(ref)
}

func (e *Engine) findPrefix(ref string) (*state.Container, error) {
	ids, err := e.dirs.ContainerIDs()
	if err != nil {
		return nil, err
	}
	id, n := uniquePrefix(ids, ref)
	switch n {
	case 0:
		return nil, noSuchContainer(Printable(ref))
	case 1:
		c, err := e.dirs.ReadContainer(id)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, noSuchContainer(ref)
		}
		return c, err
	}
	return nil, errorf("multiple IDs found with provided prefix: %s", ref)
}

// uniquePrefix is the id that begins with ref, and how many do.
func uniquePrefix(ids []string, ref string) (id string, n int) {
	if ref == "" || strings.Trim(ref, "0123456789abcdef") != "" {
		return "", 0
	}
	for _, one := range ids {
		if strings.HasPrefix(one, ref) {
			id = one
			n++
		}
	}
	return id, n
}

// isID tells a whole id from a name.
func isID(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// findNetwork looks a network up: by whole id, by name, by the beginning of
// its id.
func findNetwork(all []*state.Network, ref string) (*state.Network, error) {
	if ref == "" {
		return nil, errorf("invalid network name or ID: value is empty")
	}
	if ref == "default" {
		ref = defaultNetwork
	}
	ids := make([]string, len(all))
	for i, n := range all {
		if n.ID == ref || n.Name == ref {
			return n, nil
		}
		ids[i] = n.ID
	}
	id, n := uniquePrefix(ids, ref)
	switch n {
	case 0:
		return nil, noSuchNetwork(Printable(ref))
	case 1:
		return networkByID(all, id), nil
	}
	return nil, &Error{Text: fmt.Sprintf("network %s is ambiguous (%d matches found based on ID prefix)", ref, n), Err: ambiguous(n)}
}

// ambiguous is of how many networks an id is the beginning.
type ambiguous int

func (a ambiguous) Error() string { return fmt.Sprintf("%d matches found based on ID prefix", int(a)) }
