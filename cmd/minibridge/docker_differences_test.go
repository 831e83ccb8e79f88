package main_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shownElsewhere are the rows of docs/differences.md that no command typed to
// both shows, each with the file that does: a test, or the page on it.
var shownElsewhere = map[string]string{
	"daemon":            "docs/run.md",
	"command not found": "cmd/minibridge/docker_answer_test.go",
	"an error":          "cmd/minibridge/testdata/bad_input.txtar",
	"`--restart always`, `unless-stopped`, after a reboot, or when the supervisor was killed": "internal/engine/restart_policy_test.go",
	"`network connect` of a container that is restarting":                                     "cmd/minibridge/testdata/restarting.txtar",
	"`rename` of a container that is restarting":                                              "cmd/minibridge/testdata/restarting.txtar",
	"`--env-file` with a NUL in a value":                                                      "cmd/minibridge/testdata/run_process.txtar",
	"a line of an `--env-file` with more than 64 KiB":                                         "cmd/minibridge/testdata/big_input.txtar",
	"`-e` of one name, several times, in `inspect`":                                           "cmd/minibridge/testdata/run_process.txtar",
	"`detachKeys` and the formats in `~/.docker/config.json`":                                 "docs/run.md",
	"`create` with a mount over `/proc`, or into it":                                          "cmd/minibridge/testdata/targets.txtar",
	"a mount over `/proc` or into it, or below a link into it":                                "cmd/minibridge/testdata/targets.txtar",
	"a bind or `--tmpfs` over `/dev` without `null` in it":                                    "cmd/minibridge/testdata/targets.txtar",
	"`-v …:/sys/nosuch`":                                                                      "sandbox/target_test.go",
	"what a container has put in the place of its `/etc/hosts` or `/etc`":                     "cmd/minibridge/testdata/targets.txtar",
	"SCTP by IPv6":                           "cmd/minibridge/testdata/sctp_ports.txtar",
	"`/etc/hosts` and the like":              "docs/decisions/0005-name-files-in-the-layer.md",
	"log":                                    "cmd/minibridge/testdata/logs.txtar",
	"`pause`":                                "cmd/minibridge/testdata/pause.txtar",
	"a seccomp profile":                      "sandbox/seccomp_test.go",
	"the port of the name server":            "docs/dns.md",
	"the size of a new terminal":             "internal/engine/person_test.go",
	"the keys to leave, in `attach`, `exec`": "internal/engine/person_exec_test.go",
	"the window of a `run -it` is closed":    "internal/engine/person_test.go",
	"`exec -it` whose window is closed, or that is killed":                               "internal/engine/person_exec_test.go",
	"a signal with `--sig-proxy=false`, or to `start -a` of a container with a terminal": "internal/engine/person_test.go",
	"`-p` with two mistakes, one of them a missing port or a number with a sign":         "nat/testdata/publish",
	"`--security-opt apparmor=NAME`, `label=` on a host where AppArmor or SELinux is on": "cmd/minibridge/testdata/rights.txtar",
	"`--firewall-backend=nftables` (Docker 29)":                                          "docs/firewall.md",
	"IPv6 forwarding, on a host that has its IPv6 default route from a router":           "bridge/advertised_test.go",
	"another firewall that drops, with nftables":                                         "cmd/minibridge/testdata/beside_firewalld.txtar",
	"the other variant of iptables, with a policy of DROP":                               "cmd/minibridge/testdata/forward_policy.txtar",
	"the firewall, changed while networks are up":                                        "cmd/minibridge/testdata/firewall.txtar",
	"rules after `iptables -F`, a deleted bridge or cable":                               "cmd/minibridge/testdata/network_flushed.txtar",
	"an adopted bridge (`com.docker.network.bridge.name`) that has gone":                 "cmd/minibridge/testdata/network_adopt.txtar",
	"a packet under an address of one network that comes from another, or from outside":  "internal/paths/doors_test.go",
}

// TestDifferences holds docs/differences.md to what has been asked: each
// reason for a difference is a row, and each row is shown by a command, or
// where this file says.
func TestDifferences(t *testing.T) {
	rows := differences(t)
	shown := make(map[string]bool)
	for _, file := range scripts(t, "testdata/docker/*.txt") {
		for _, e := range readGroup(t, file) {
			switch {
			case e.reason == "":
			case !rows[e.reason]:
				t.Errorf("%s: $ %s\nno row of docs/differences.md begins with: %s", file, e.command, e.reason)
			}
			shown[e.reason] = true
		}
	}
	for _, row := range slices.Sorted(maps.Keys(rows)) {
		where, elsewhere := shownElsewhere[row]
		switch _, err := os.Stat(filepath.Join("../..", where)); {
		case err != nil:
			t.Error(err)
		case shown[row] && elsewhere:
			t.Errorf("a command shows it, not %s: %s", where, row)
		case !shown[row] && !elsewhere:
			t.Errorf("nothing shows what docs/differences.md says of: %s", row)
		}
		delete(shownElsewhere, row)
	}
	for row := range shownElsewhere {
		t.Errorf("docs/differences.md says nothing of: %s", row)
	}
}

// differences are the first cells of the page's tables.
func differences(t *testing.T) map[string]bool {
	page, err := os.ReadFile("../../docs/differences.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]bool)
	for line := range strings.Lines(string(page)) {
		cell, _, found := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		if !found || !strings.HasPrefix(line, "| ") || cell == "---" || cell == "input" || strings.HasPrefix(cell, "| ") {
			continue
		}
		if rows[cell] {
			t.Errorf("docs/differences.md has it twice: %s", cell)
		}
		rows[cell] = true
	}
	return rows
}
