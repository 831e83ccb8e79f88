package sandbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symbolic links may lie on a path, as in securejoin, by
// which runc finds its way; the kernel's own number is 40 (path_resolution(7)).
const maxLinks = 255

// follow gives the path, without a link on it, that an absolute path leads to in
// the present root. What is not there, perhaps not yet, is taken for a
// directory. Links are followed by what is written in them: one of /proc that is
// more than that leads nowhere else.
func follow(path string) (string, error) {
	at, links := "/", 0
	for rest := path; rest != ""; {
		name, after, _ := strings.Cut(rest, "/")
		rest = after
		if name == ".." {
			at = filepath.Dir(at)
			continue
		}
		at = filepath.Join(at, name)
		link, err := os.Readlink(at)
		switch {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTDIR):
			continue // no link, or nothing
		case err != nil:
			return "", err
		}
		if links++; links > maxLinks {
			return "", &os.PathError{Op: "follow", Path: path, Err: unix.ELOOP}
		}
		at, rest = filepath.Dir(at), link+"/"+rest
		if filepath.IsAbs(link) {
			at = "/"
		}
	}
	return at, nil
}

// makeDir makes a directory and those above it, and gives its path without a
// link: unlike mkdir -p it follows links to what is not there yet.
func makeDir(path string) (string, error) {
	at, err := follow(path)
	if err != nil {
		return "", err
	}
	return at, os.MkdirAll(at, 0o755)
}
