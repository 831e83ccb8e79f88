package engine

import (
	"context"
	"errors"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/minibridge/minibridge/sandbox"
)

// A Table is what another program printed as one.
type Table struct {
	Titles []string
	Rows   [][]string
}

// Top lists a container's processes as ps(1) of the host sees them, with its
// options; none are -ef.
func (e *Engine) Top(ctx context.Context, ref string, options []string) (*Table, error) {
	c, err := e.find(ref)
	if err != nil {
		return nil, err
	}
	args := strings.Split(strings.Join(options, " "), " ")
	if len(options) == 0 {
		args = []string{"-ef"}
	}
	if err := checkPSOptions(strings.Join(args, " ")); err != nil {
		return nil, err
	}
	run, err := e.running(c)
	if err != nil {
		return nil, err
	}
	pids, err := sandbox.Processes(run.Init.Pid, run.Init.Start)
	if err != nil {
		return nil, notRunning(c)
	}
	out, err := ps(ctx, args, pids)
	if err != nil {
		return nil, err
	}
	t, err := readPS(out, pids)
	if err == nil {
		e.happened(c, "top")
	}
	return t, err
}

// retitled is a column with another title than its own.
var retitled = regexp.MustCompile(`\s+([^\s]*)=\s*(PID[^\s]*)`)

// checkPSOptions refuses another column under the title by which a process is
// found.
func checkPSOptions(options string) error {
	for _, m := range retitled.FindAllStringSubmatch(options, -1) {
		if m[1] != "pid" {
			return errorf("specifying \"%s=%s\" is not allowed", Printable(m[1]), Printable(m[2]))
		}
	}
	return nil
}

// ps asks for the container's processes alone; some options don't go together
// with that.
func ps(ctx context.Context, args []string, pids []int) (string, error) {
	numbers := make([]string, len(pids))
	for i, pid := range pids {
		numbers[i] = strconv.Itoa(pid)
	}
	out, err := exec.CommandContext(ctx, "ps", append(slices.Clone(args), "-q"+strings.Join(numbers, ","))...).Output()
	if err != nil {
		out, err = exec.CommandContext(ctx, "ps", args...).Output()
	}
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		if line, _, _ := strings.Cut(string(failed.Stderr), "\n"); line != "" {
			return "", errorf("ps: %s", Printable(line))
		}
	}
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", errorf("top asks ps(1) of this machine, which is not installed").hint("apt-get install procps")
	case err != nil:
		return "", errorf("ps: %v", err)
	}
	return string(out), nil
}

// readPS takes the rows of those processes, each with the lines of its threads,
// which have a dash in the place of a number.
func readPS(out string, pids []int) (*Table, error) {
	head, body, _ := strings.Cut(out, "\n")
	t := &Table{Titles: strings.Fields(head)}
	at := slices.Index(t.Titles, "PID")
	if at < 0 {
		return nil, errorf("Couldn't find PID field in ps output").hint("minibridge top CONTAINER -o pid,comm")
	}
	last := len(t.Titles) - 1
	theirs := false
	for line := range strings.Lines(body) {
		fields := strings.Fields(line)
		if len(fields) <= max(at, last) {
			continue
		}
		if fields[at] != "-" {
			pid, err := strconv.Atoi(fields[at])
			if err != nil {
				return nil, errorf("Unexpected pid '%s': %v", Printable(fields[at]), err)
			}
			theirs = slices.Contains(pids, pid)
		}
		if theirs {
			t.Rows = append(t.Rows, append(fields[:last:last], strings.Join(fields[last:], " ")))
		}
	}
	return t, nil
}
