package main_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// TestExamples runs every example of the help, beside a container web and a
// network back.
func TestExamples(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		t.Chdir(t.TempDir())
		all := examples(t, m, "minibridge")
		if len(all) < 15 {
			t.Fatalf("only %q", all)
		}
		m.Sh(t, "mount -t cgroup2 cgroup2 /sys/fs/cgroup")
		m.Sh(t, "minibridge network create --subnet 10.10.9.0/24 back")
		for _, example := range all {
			t.Run(example, func(t *testing.T) {
				m.Sh(t, "minibridge rm -f web app; minibridge run -d --name web -p 8000:8000 sh -c 'trap exit TERM; sleep 600 & wait'")
				if strings.Contains(example, " wait ") {
					m.Sh(t, "minibridge kill web")
				}
				if strings.Contains(example, " disconnect ") {
					m.Sh(t, "minibridge network connect back web")
				}
				if strings.Contains(example, " -it ") { // at a terminal
					example = "echo exit | timeout 20 script --quiet --return --command '" + example + "' /dev/null"
				}
				if strings.Contains(example, " attach ") { // which passes a signal on, and ends as the container does
					example = "timeout 2 " + example + " || test $? = 124"
				}
				m.Sh(t, example)
			})
		}
	})
}

// listed is a command in the help of another one.
var listed = regexp.MustCompile(`^  ([a-z]+) +[A-Z]`)

// examples are those in the help of a command and of the commands below it.
func examples(t *testing.T, m *hosttest.Machine, command string) (all []string) {
	section := ""
	for line := range strings.Lines(m.Sh(t, command+" --help")) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, " ") {
			section = line
		} else if section == "Examples:" {
			all = append(all, strings.TrimSpace(line))
		}
		if sub := listed.FindStringSubmatch(line); sub != nil {
			all = append(all, examples(t, m, command+" "+sub[1])...)
		}
	}
	return all
}

// TestNetworksReadme holds that what the README of examples/networks has people
// type is what the script beside it runs, in the same order.
func TestNetworksReadme(t *testing.T) {
	readme, err := os.ReadFile("../../examples/networks/README.md")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("../../examples/networks/networks.txtar")
	if err != nil {
		t.Fatal(err)
	}
	rest, typed := string(script), 0
	for line := range strings.Lines(string(readme)) {
		command, ok := strings.CutPrefix(line, "    sudo minibridge ")
		if !ok {
			continue
		}
		command, _, _ = strings.Cut(command, "#")
		command = "minibridge " + strings.TrimSpace(command)
		_, after, ok := strings.Cut(rest, command)
		if !ok {
			t.Errorf("the script doesn't run %q, or not here", command)
			continue
		}
		rest = after
		typed++
	}
	if typed < 10 {
		t.Errorf("only %d commands", typed)
	}
}
