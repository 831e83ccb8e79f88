package main_test

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minibridge/minibridge/internal/hosttest"
)

var realDocker = flag.String("docker", "", "ask the Docker of this `directory` (hack/docker-answers), and write down what it answers")

// TestAsDocker types the commands of each file in testdata/docker, and holds
// minibridge to what Docker has answered: stdout, stderr and exit code. An
// answer that differs has a reason, a row of docs/differences.md.
func TestAsDocker(t *testing.T) {
	for _, file := range scripts(t, "testdata/docker/*.txt") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				g := readGroup(t, file)
				written := g.String()
				m.Sh(t, rootfs)
				if *realDocker != "" {
					m.Sh(t, "../../hack/docker-answers daemon "+*realDocker)
					t.Cleanup(func() { m.Sh(t, "../../hack/docker-answers end") })
					askDocker(t, g)
				} else {
					m.Sh(t, "mount -t cgroup2 cgroup2 /sys/fs/cgroup") // for pause
					compare(t, g)
				}
				if changed := g.String(); changed != written {
					if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			})
		})
	}
}

func readGroup(t *testing.T, file string) group {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g, err := parseGroup(string(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return g
}

// rootfs is what containers of both see.
const rootfs = `
mkdir -p /run/busybox/bin /run/busybox/etc /run/busybox/tmp /run/busybox/root
cp "$(command -v busybox)" /run/busybox/bin/busybox
chroot /run/busybox /bin/busybox --install -s /bin
chmod 1777 /run/busybox/tmp
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n' >/run/busybox/etc/passwd
printf 'root:x:0:\nnogroup:x:65534:\n' >/run/busybox/etc/group
`

func askDocker(t *testing.T, g group) {
	t.Setenv("PATH", *realDocker+":"+os.Getenv("PATH"))
	t.Setenv("DOCKER_HOST", "unix:///run/docker.sock")
	for _, e := range g {
		if e.command != "" {
			e.docker = answerTo(t, e.command).settled(e.command)
		}
	}
}

func compare(t *testing.T, g group) {
	for _, e := range g {
		if e.command == "" {
			continue
		}
		have := answerTo(t, asOurs(e.command)).settled(e.command)
		asDocker := e.docker.bare("docker") == have.bare("minibridge")
		switch {
		case e.reason == "" && !asDocker:
			t.Errorf("$ %s\nwhat Docker answers, and what minibridge does:\n%s", e.command,
				hosttest.Diff(e.docker.bare("docker").String(), have.bare("minibridge").String()))
		case e.reason != "" && asDocker:
			t.Errorf("$ %s\nanswers as Docker does, but is said to differ: %s", e.command, e.reason)
		case e.reason != "" && e.ours != have && *update:
			e.ours = have
		case e.reason != "" && e.ours != have:
			t.Errorf("$ %s\n%s%s; and not by what is written (-update rewrites it):\n%s", e.command, differs, e.reason,
				hosttest.Diff(e.ours.String(), have.String()))
		}
	}
}

// answerTo is what a shell gives for a command.
func answerTo(t *testing.T, command string) answer {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", command)
	cmd.Dir, cmd.WaitDelay = "/", time.Second
	cmd.Env = append(os.Environ(), "LC_ALL=C", "MINIBRIDGE_FIREWALL=", "LONG="+strings.Repeat("x", 300))
	// Files, not pipes, which a program in the background would keep open.
	var streams [2]*os.File
	for i := range streams {
		file, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		streams[i] = file
	}
	cmd.Stdout, cmd.Stderr = streams[0], streams[1]
	err := cmd.Run()
	if cmd.ProcessState == nil || ctx.Err() != nil {
		t.Fatalf("$ %s\n%v", command, err)
	}
	read := func(file *os.File) string {
		text, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		// An init has the variables of its container alone; one built by `go build
		// -cover` says so.
		return strings.ReplaceAll(string(text), "warning: GOCOVERDIR not set, no coverage data emitted\n", "")
	}
	return answer{read(streams[0]), read(streams[1]), cmd.ProcessState.ExitCode()}
}
