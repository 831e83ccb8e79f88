package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/minibridge/minibridge/internal/engine"
)

// A listValue is a flag that may be given several times; unlike pflag's own it
// takes commas as they are.
type listValue struct {
	repeatable
	list  *[]string
	check func(string) error // of one value
}

func (l *listValue) String() string { return "" }

// A repeatable flag is a pflag.SliceValue to completion, which offers only
// those once more after they were given. Nobody else asks.
type repeatable struct{}

func (repeatable) Append(string) error    { return nil }
func (repeatable) Replace([]string) error { return nil }
func (repeatable) GetSlice() []string     { return nil }

// Set adds one value.
func (l *listValue) Set(s string) error {
	if l.check != nil {
		if err := l.check(s); err != nil {
			return err
		}
	}
	*l.list = append(*l.list, s)
	return nil
}

// Type is what help calls it.
func (l *listValue) Type() string { return "list" }

func checkEnv(s string) error {
	if s == "" || s[0] == '=' {
		return fmt.Errorf("invalid environment variable: %s", s)
	}
	return nil
}

func checkLabel(s string) error {
	if s == "" || s[0] == '=' {
		return fmt.Errorf("invalid label '%s': empty name", s)
	}
	return nil
}

// readEnv is what --env-file and -e say, files first; the last -e of a name
// stands where its first did. A name alone is the caller's value; unset here, it
// is nothing in a file, and by -e it stays a name, which takes away what the
// container would have had without either.
func readEnv(files, set []string) ([]string, error) {
	var all []string
	for _, file := range files {
		vars, err := readEnvFile(file)
		if err != nil {
			return nil, &engine.Error{Text: err.Error()}
		}
		for _, v := range vars {
			if v = withValue(v); strings.Contains(v, "=") {
				all = append(all, v)
			}
		}
	}
	for _, v := range all {
		if strings.ContainsRune(v, 0) { // a word of execve(2) ends there
			return nil, &engine.Error{Text: fmt.Sprintf("environment variable value can't contain null(\\x00): %q", v)}
		}
	}
	var flags []string
	for _, v := range set {
		name, _, _ := strings.Cut(v, "=")
		i := slices.IndexFunc(flags, func(o string) bool { return o == name || strings.HasPrefix(o, name+"=") })
		if i < 0 {
			i, flags = len(flags), append(flags, "")
		}
		flags[i] = withValue(v)
	}
	return append(all, flags...), nil
}

// withValue gives a name alone the caller's value, if it has one.
func withValue(v string) string {
	if value, ok := os.LookupEnv(v); ok && !strings.Contains(v, "=") {
		v += "=" + value
	}
	return v
}

// readLabels is what --label-file and -l say, files first. As with Docker, a
// line without a value is none.
func readLabels(files, set []string) ([]string, error) {
	var all []string
	for _, file := range files {
		labels, err := readEnvFile(file)
		if err != nil {
			return nil, &engine.Error{Text: err.Error()}
		}
		all = append(all, slices.DeleteFunc(labels, func(l string) bool { return !strings.Contains(l, "=") })...)
	}
	return append(all, set...), nil
}

// byteOrderMark may begin a file that was written on Windows.
var byteOrderMark = []byte("\xef\xbb\xbf")

// readEnvFile reads NAME=value lines, with Docker's errors. They may be as long
// as one likes: what the kernel takes of a variable is twice what Docker reads.
func readEnvFile(file string) ([]string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		if _, statErr := os.Stat(file); statErr == nil {
			return nil, fmt.Errorf("invalid env file (%s): %w", file, err)
		}
		return nil, err
	}
	var vars []string
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(b, byteOrderMark)))
	lines.Buffer(nil, len(b)+1)
	for n := 1; lines.Scan(); n++ {
		if !utf8.Valid(lines.Bytes()) {
			return nil, fmt.Errorf("invalid env file (%s): invalid utf8 bytes at line %d: %v", file, n, lines.Bytes())
		}
		line := strings.TrimLeftFunc(lines.Text(), unicode.IsSpace)
		if line == "" || line[0] == '#' {
			continue
		}
		name, _, _ := strings.Cut(line, "=")
		if name == "" {
			return nil, fmt.Errorf("invalid env file (%s): no variable name on line '%s'", file, line)
		}
		if strings.ContainsFunc(name, unicode.IsSpace) {
			return nil, fmt.Errorf("invalid env file (%s): variable '%s' contains whitespaces", file, name)
		}
		vars = append(vars, line)
	}
	return vars, lines.Err()
}

// parseVolumes reads the values of -v, with Docker's errors.
func parseVolumes(values []string) ([]engine.Volume, error) {
	var all []engine.Volume
	for _, value := range values {
		v, err := parseVolume(value)
		if err != nil {
			return nil, &engine.Error{Text: err.Error()}
		}
		if slices.ContainsFunc(all, func(o engine.Volume) bool { return o.Target == v.Target }) {
			return nil, &engine.Error{Text: "Duplicate mount point: " + v.Target}
		}
		all = append(all, v)
	}
	return all, nil
}

func parseVolume(value string) (engine.Volume, error) {
	if value == "" {
		return engine.Volume{}, errors.New("invalid empty volume spec")
	}
	parts := strings.Split(value, ":")
	if len(parts) > 3 {
		return engine.Volume{}, fmt.Errorf("invalid spec: %s: too many colons", value)
	}
	if slices.Contains(parts, "") {
		return engine.Volume{}, fmt.Errorf("invalid spec: %s: empty section between colons", value)
	}
	if len(parts) == 1 {
		return engine.Volume{}, fmt.Errorf("invalid volume specification: '%s': there are no volumes here: give a host directory too, SOURCE:TARGET", value)
	}
	v := engine.Volume{Source: parts[0], Target: parts[1]}
	if len(parts) == 3 {
		switch parts[2] {
		case "ro":
			v.ReadOnly = true
		case "rw":
		default:
			return v, fmt.Errorf("invalid mode: %s", parts[2])
		}
	}
	switch {
	case !filepath.IsAbs(v.Source) && !strings.HasPrefix(v.Source, "."):
		return v, fmt.Errorf("create %s: %q includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path", v.Source, v.Source)
	case !filepath.IsAbs(v.Target):
		return v, fmt.Errorf("invalid volume specification: '%s': invalid mount config for type \"bind\": invalid mount path: '%s' mount path must be absolute", value, v.Target)
	}
	v.Target = filepath.Clean(v.Target)
	if v.Target == "/" {
		return v, fmt.Errorf("invalid volume specification: '%s': invalid mount config for type \"bind\": invalid specification: destination can't be '/'", value)
	}
	var err error
	v.Source, err = absolute(v.Source)
	return v, err
}

func absolute(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", &engine.Error{Text: err.Error()}
	}
	return abs, nil
}
