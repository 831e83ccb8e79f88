package nat

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// lockWait is how long iptables-restore waits for /run/xtables.lock, in
// seconds. Only the legacy variant has that lock, and holds it for
// milliseconds.
const lockWait = "10"

// A MissingToolError says that a program is not installed.
type MissingToolError struct{ Tool string }

func (e *MissingToolError) Error() string {
	return e.Tool + " is not installed: apt-get install iptables"
}

// A ToolError is what one of the iptables tools said when it did not do its
// work.
type ToolError struct {
	Tool   string
	Code   int    // exit status: 4 is a resource problem, such as the lock
	Line   string // the line of its input that it complained about, if it named one
	Stderr string
}

func (e *ToolError) Error() string {
	msg := e.Tool + ": " + e.reason()
	if e.Line != "" {
		msg += ": " + e.Line
	}
	return msg
}

// reason is the last line of what the tool said, without what it says each time.
func (e *ToolError) reason() string {
	said := strings.TrimPrefix(strings.TrimSpace(e.Stderr), e.Tool+": ")
	if strings.Contains(said, "xtables lock") {
		return "another program has held /run/xtables.lock for over " + lockWait + " s; see: fuser -v /run/xtables.lock"
	}
	lines := strings.Split(said, "\n")
	if said == "" {
		return "exit status " + strconv.Itoa(e.Code)
	}
	for i, line := range lines {
		if lineNumber.MatchString(line) {
			return strings.Join(lines[i:], " ")
		}
	}
	return lines[len(lines)-1]
}

var lineNumber = regexp.MustCompile(`line (\d+)`)

// restore makes changes in one call of iptables-restore(8), without a word
// about anything else.
func restore(f Family, cmds []command) error {
	if len(cmds) == 0 {
		return nil
	}
	_, err := runTool(f.tool("-restore"), batchText(cmds), "--noflush", "-w", lockWait)
	return err
}

// batchText is commands, sorted by table, as input for iptables-restore(8).
func batchText(cmds []command) string {
	var b strings.Builder
	for i, c := range cmds {
		if i == 0 || cmds[i-1].table != c.table {
			b.WriteString("*" + c.table + "\n")
		}
		b.WriteString(c.args + "\n")
		if i == len(cmds)-1 || cmds[i+1].table != c.table {
			b.WriteString("COMMIT\n")
		}
	}
	return b.String()
}

// runTool runs one of the iptables tools.
func runTool(tool, stdin string, args ...string) (stdout string, err error) {
	path, err := exec.LookPath(tool)
	if err != nil {
		return "", &MissingToolError{tool}
	}
	var out, errs bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", &ToolError{Tool: tool, Code: exit.ExitCode(), Line: lineOf(stdin, errs.String()), Stderr: errs.String()}
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", tool, err)
	}
	return out.String(), nil
}

// lineOf is the line of the input that a complaint is about, by its number.
func lineOf(stdin, complaint string) string {
	m := lineNumber.FindStringSubmatch(complaint)
	if m == nil {
		return ""
	}
	n, _ := strconv.Atoi(m[1])
	lines := strings.Split(stdin, "\n")
	if n < 1 || n > len(lines) {
		return ""
	}
	return lines[n-1]
}
