package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// prompt is what a shell writes when it waits for a line.
const prompt = "READY>"

// shells are how each begins: with what it has completion from, and a command
// that hands back its words.
var shells = map[string]struct {
	argv   []string
	file   string // in its home
	begins string
}{
	"bash": {
		[]string{"bash", "--rcfile", ".bashrc", "-i"}, ".bashrc",
		". /usr/share/bash-completion/bash_completion; . <(minibridge completion bash); PS1='" + prompt + "'\n",
	},
	"zsh": {
		[]string{"zsh", "-i"}, ".zshrc",
		"autoload -U compinit; compinit -u; bindkey -e; bindkey '^I' complete-word; . <(minibridge completion zsh); unsetopt zle_bracketed_paste; PROMPT='" + prompt + "'\n",
	},
	"fish": {
		[]string{"fish", "-i", "-C", "source begin.fish"}, "begin.fish",
		"minibridge completion fish | source; set -g fish_greeting; function fish_prompt; printf '" + prompt + "'; end\n",
	},
}

// typed are lines with keys in them, and what a shell makes of them.
var typed = []struct{ keys, words string }{
	{"minibridge sto\t we\t", "minibridge stop web"},
	{"minibridge start we\t", "minibridge start weak"},
	{"minibridge run --inter\t --cap-a\tNET_R\t --network cont\t true", "minibridge run --interactive --cap-add NET_RAW --network container:web true"},
	{"minibridge run --network=cont\t true", "minibridge run --network=container:web true"},
	{"minibridge --firewall nf\t network rm ba\t", "minibridge --firewall nftables network rm back"},
	{"minibridge ps --filter stat\trunn\t", "minibridge ps --filter status=running"},
	{"minibridge run --env-file ~/var\t true", "minibridge run --env-file HOME/variables true"},
	{"minibridge run --env-file ~/my\t true", "minibridge run --env-file HOME/my variables true"},
	{"minibridge --root ~/own\\ records stop we\t", "minibridge --root HOME/own records stop web"},
	{"minibridge --root \"/var/lib/\"'mini'br\\idge stop we\t", "minibridge --root /var/lib/minibridge stop web"},
}

// evil are lines that nobody is to run, and what they become.
var evil = []struct{ keys, line string }{
	{"minibridge stop $(touch ran) we\t", "minibridge stop $(touch ran) web"},
	{"minibridge stop --signal=$(touch ran) we\t", "minibridge stop --signal=$(touch ran) web"},
	{"minibridge run --network=$(touch ran)=\t", "minibridge run --network=$(touch ran)="},
	{"minibridge --root=\"$(touch ran)\" network rm --fo\t", "minibridge --root=\"$(touch ran)\" network rm --force"},
}

// TestShells types at real shells, on a terminal, and sees which words they
// make of it.
func TestShells(t *testing.T) {
	for name, shell := range shells {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				if _, err := exec.LookPath(name); err != nil {
					t.Fatal(err, "; try: sudo hack/install test")
				}
				m.Sh(t, "minibridge network create back; minibridge run -d --name web sleep 600; minibridge create --name weak true")
				home := t.TempDir()
				write(t, filepath.Join(home, "variables"), "A=b\n", 0o600)
				write(t, filepath.Join(home, "my variables"), "A=b\n", 0o600)
				if err := os.Symlink("/var/lib/minibridge", filepath.Join(home, "own records")); err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(home, "words"), "#!/bin/sh\necho \"<<$*>>\"\n", 0o700)
				write(t, filepath.Join(home, shell.file), shell.begins, 0o600)
				// Where this is missing, fish makes it of all man pages, in the background.
				if err := os.MkdirAll(filepath.Join(home, "fish", "generated_completions"), 0o700); err != nil {
					t.Fatal(err)
				}
				terminal := open(t, home, shell.argv)
				types := func(keys, before, after, want string) {
					terminal.until(t, prompt)
					fmt.Fprint(terminal, keys, "\x01~/words ", before, "\x05", after, "\r") // Ctrl-A, Ctrl-E: to the beginning and the end
					terminal.until(t, "<<")
					got := strings.ReplaceAll(terminal.until(t, ">>"), home, "HOME")
					if strings.TrimSpace(got) != want {
						t.Errorf("%q became %q, not %q", keys, got, want)
					}
				}
				for _, line := range typed {
					types(line.keys, "", "", line.words)
				}
				for _, line := range evil {
					types(line.keys, "'", "'", line.line)
				}
				if _, err := os.Stat(filepath.Join(home, "ran")); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("what was typed has been run (%v)", err)
				}
			})
		})
	}
}

func write(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// A terminal is what a shell reads and writes.
type terminal struct {
	*os.File
	seen []byte
}

// open starts a program on a terminal of its own (pty(7)).
func open(t *testing.T, home string, argv []string) *terminal {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours := os.NewFile(uintptr(fd), "ptmx")
	t.Cleanup(func() { ours.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 200}); err != nil {
		t.Fatal(err)
	}
	theirs, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = home
	cmd.Env = append(os.Environ(), "HOME="+home, "ZDOTDIR="+home, "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home, "TERM=xterm")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, theirs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return &terminal{File: ours}
}

// until reads on to a text, and gives what came before it.
func (c *terminal) until(t *testing.T, text string) string {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	for !bytes.Contains(c.seen, []byte(text)) {
		b := make([]byte, 4096)
		n, err := c.Read(b)
		if err != nil {
			t.Fatalf("no %q in %q: %v", text, c.seen, err)
		}
		c.seen = append(c.seen, b[:n]...)
	}
	before, after, _ := bytes.Cut(c.seen, []byte(text))
	c.seen = after
	return string(before)
}
