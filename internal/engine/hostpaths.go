package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/minibridge/minibridge/internal/state"
)

// checkPaths refuses paths of the host that can't be had, and returns those that
// are still to be made. It is called before the lock is taken: the file system of
// a path can be that of a server which has gone, and then whoever looks waits for
// as long as that lasts. It returns when ctx ends, and whoever has looked still
// waits then.
func checkPaths(ctx context.Context, spec *Spec) (missing []string, err error) {
	type answer struct {
		missing []string
		err     error
	}
	looked := make(chan answer, 1)
	go func() {
		missing, err := lookAtPaths(spec)
		looked <- answer{missing, err}
	}()
	select {
	case a := <-looked:
		return a.missing, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func lookAtPaths(spec *Spec) (missing []string, err error) {
	if err := checkCIDFile(spec.CIDFile); err != nil {
		return nil, err
	}
	if err := checkRootFS(spec.RootFS); err != nil {
		return nil, err
	}
	return checkSources(spec)
}

func checkRootFS(dir string) error {
	if dir == "" {
		return nil
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errorf("invalid rootfs: %s does not exist", dir)
	case err != nil:
		return errorf("invalid rootfs: %v", err)
	case !info.IsDir():
		return errorf("invalid rootfs: %s is not a directory", dir)
	}
	return nil
}

// checkSources refuses a --mount of what isn't there. What is missing for -v is
// made, as Docker does.
func checkSources(spec *Spec) (missing []string, err error) {
	for _, m := range spec.Mounts {
		if m.Type != state.BindMount {
			continue
		}
		if _, err := os.Stat(m.Source); errors.Is(err, fs.ErrNotExist) {
			return nil, errorf("invalid mount config for type \"bind\": bind source path does not exist: %s", Printable(m.Source))
		} else if err != nil {
			return nil, errorf("invalid mount config for type \"bind\": %v", err)
		}
	}
	for _, v := range spec.Volumes {
		if _, err := os.Stat(v.Source); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, v.Source)
		} else if err != nil {
			return nil, errorf("invalid mount config for type \"bind\": %v", err)
		}
	}
	return missing, nil
}

// makeSources makes the directories that are missing for -v.
func makeSources(missing []string) error {
	for _, dir := range missing {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return errorf("error while creating mount source path '%s': %v", Printable(dir), err)
		}
	}
	return nil
}
