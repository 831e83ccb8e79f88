package nat

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// A ToolError is what one of those programs said when it did not do its
// work.
type ToolError struct {
	Tool   string
	Ended  string // how: "exit status 1", "signal: killed"
	Line   int    // the line of its input that it complained about, from 1; 0 if it named none
	Stderr string
	commit bool // that line is where a table is committed
}

func (e *ToolError) Error() string {
	if e.commit {
		return e.Tool + ": " + e.reason() + ": the kernel does not take the table"
	}
	return e.Tool + ": " + e.reason()
}

// reason is the last line of what the tool said, without what it says each time.
func (e *ToolError) reason() string {
	lines := []string{e.Ended} // when it says nothing else
	for line := range strings.Lines(e.Stderr) {
		line = strings.TrimPrefix(strings.TrimSpace(version.ReplaceAllString(line, "")), e.Tool+": ")
		if line != "" && !manners.MatchString(line) {
			lines = append(lines, line)
		}
	}
	for i, line := range lines {
		if lineNumber.MatchString(line) {
			return strings.Join(lines[i:], " ")
		}
	}
	return lines[len(lines)-1]
}

var (
	version    = regexp.MustCompile(`^\S+ v\S+ \(\S+\):`)
	lineNumber = regexp.MustCompile(`line:? (\d+)`)
	gaveUp     = regexp.MustCompile(`xtables lock\. Stopped waiting after (\d+)s`)
	manners    = regexp.MustCompile("^(Error occurred at line: \\d+|Try `.*|Another app is currently holding the xtables lock; .*)$")
)

// restore makes changes in one call of iptables-restore(8), without a word
// about anything else.
func restore(f Family, cmds []command) error {
	if len(cmds) == 0 {
		return nil
	}
	_, err := runTool(f.tool("-restore"), batchText(cmds), "--noflush", "-w", strconv.Itoa(lockWait))
	if failed, ok := errors.AsType[*ToolError](err); ok {
		if c, ok := commandAt(cmds, failed.Line); ok {
			return &plan.CommandError{Command: text("", f, []command{c}), Err: err}
		}
		failed.commit = failed.Line > 0
	}
	return err
}

// refusals is how often a change is tried that the kernel refuses when a table is
// committed. It says EAGAIN where another program has changed the table since
// iptables-legacy has read it: one that does not take the lock, or has a file of
// its own for that (xt_replace_table in net/netfilter/x_tables.c).
const refusals = 5

// persist makes a change, from its first look on, until it is not refused so.
// iptables-legacy does not tell EAGAIN from what stays refused, so that is tried
// as often.
func persist(change func() error) (err error) {
	for range refusals {
		err = change()
		if failed, ok := errors.AsType[*ToolError](err); !ok || !failed.commit {
			return err
		}
	}
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

// commandAt is the one at a line of the batch's text: none where a table
// begins or is committed, which is what iptables-legacy complains about.
func commandAt(cmds []command, line int) (command, bool) {
	at := 0
	for i, c := range cmds {
		if i > 0 && cmds[i-1].table != c.table {
			at++ // COMMIT
		}
		if i == 0 || cmds[i-1].table != c.table {
			at++ // *table
		}
		if at++; at == line {
			return c, true
		}
	}
	return command{}, false
}

// runTool runs one of the iptables tools, or nft(8).
func runTool(tool, stdin string, args ...string) (stdout string, err error) {
	path, err := FindTool(tool)
	if err != nil {
		return "", err
	}
	var out, errs bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	cmd.ExtraFiles = plan.Inherited()
	// It dies with us, so that nobody waits for a change that nobody wants any
	// more; what it has handed to the kernel already is made. The signal comes
	// with the end of the thread that forked (prctl(2), PR_SET_PDEATHSIG).
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Run()
	exit, ended := errors.AsType[*exec.ExitError](err)
	if ended {
		return "", toolError(tool, exit.String(), errs.String())
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", tool, err)
	}
	return out.String(), nil
}

// toolError is what a tool has ended with, and has said. Until version 1.8.7 it
// also says that it waits for the lock, whether it gets it then or not.
func toolError(tool, ended, said string) error {
	if m := gaveUp.FindStringSubmatch(said); m != nil {
		return locked(tool, m[1])
	}
	return &ToolError{Tool: tool, Ended: ended, Line: lineOf(said), Stderr: said}
}

// lineOf is the number in a complaint about a line of the input, or 0.
func lineOf(complaint string) (line int) {
	if m := lineNumber.FindStringSubmatch(complaint); m != nil {
		line, _ = strconv.Atoi(m[1])
	}
	return line
}
