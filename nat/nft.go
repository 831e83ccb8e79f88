package nat

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/minibridge/minibridge/plan"
)

// nft makes changes in one transaction of nft(8).
func nft(ns plan.NS, cmds []string) error {
	if len(cmds) == 0 {
		return nil
	}
	err := ns.Do(func() error {
		_, err := runTool("nft", strings.Join(cmds, "\n")+"\n", "-f", "-")
		return err
	})
	if err == nil && ns == "" {
		own.Add(1)
	}
	failed, ok := errors.AsType[*ToolError](err)
	if !ok {
		return err
	}
	m := nftComplaint.FindStringSubmatch(failed.Stderr)
	if m == nil {
		return err
	}
	if line, _ := strconv.Atoi(m[1]); line >= 1 && line <= len(cmds) {
		return &plan.CommandError{Command: nftText("", cmds[line-1:line]), Err: errors.New("nft: " + m[2])}
	}
	return err
}

// nftComplaint is what nft(8) says first of a line that it can't do, before it
// shows the place.
var nftComplaint = regexp.MustCompile(`(?m)^\S+:(\d+):\d+-\d+: Error: (.*)$`)
