package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// runs are whole commands, from the fork to the end: `run --rm true` beside a
// process that makes the same namespaces and the same network by itself.
var runs = group{
	name: "Run",
	subjects: []subject{
		{"floor-none", runFloor("none")},
		{"none", runOne("--network", "none")},
		{"floor-bridge", runFloor("bridge")},
		{"bridge", runOne()},
		{"floor-port", runFloor("port")},
		{"port", runOne("-p", "8000:80")},
		{"port-nftables", runOne("--firewall", "nftables", "-p", "8000:80")},
		{"range", runOne("-p", "8000-8999:8000-8999")},
		{"range-nftables", runOne("--firewall", "nftables", "-p", "8000-8999:8000-8999")},
	},
}

func runFloor(kind string) func(string) (func() (times, error), error) {
	return func(string) (func() (times, error), error) {
		self, err := os.Executable()
		return func() (times, error) { return whole(self, asFloor, kind) }, err
	}
}

func runOne(flags ...string) func(string) (func() (times, error), error) {
	return func(program string) (func() (times, error), error) {
		args := append(append([]string{"run", "--rm"}, flags...), "true")
		return func() (times, error) { return whole(program, args...) }, nil
	}
}

func whole(program string, args ...string) (times, error) {
	took, err := command{program}.time(args...)
	return times{"whole": took}, err
}

// A command is a program with verbs.
type command struct{ program string }

// time runs a verb.
func (c command) time(args ...string) (time.Duration, error) {
	cmd := exec.Command(c.program, args...)
	cmd.Stderr = os.Stderr
	start := time.Now()
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	return time.Since(start), err
}
