package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// numbers of networks on a machine: what a verb takes should not depend on them.
var numbers = []int{1, 10, 100}

// networks times the verbs of networks beside more and more of them.
func (c command) networks(repetitions int) error {
	const resident = "resident"
	if _, err := c.time("run", "-d", "--name", resident, "sleep", "infinity"); err != nil {
		return err
	}
	made := 0
	for _, number := range numbers {
		for ; made < number; made++ {
			if _, err := c.time("network", "create", "--subnet", fmt.Sprintf("10.9.%d.0/24", made), fmt.Sprint("net", made)); err != nil {
				return err
			}
		}
		var line []string
		times := map[string][]time.Duration{}
		verbs := []struct {
			name string
			args []string
		}{
			{"create", []string{"network", "create", "--subnet", "10.8.0.0/24", "one"}},
			{"ls", []string{"network", "ls"}},
			{"inspect", []string{"network", "inspect", "one"}},
			{"connect", []string{"network", "connect", "one", resident}},
			{"disconnect", []string{"network", "disconnect", "one", resident}},
			{"run", []string{"run", "--rm", "--network", "one", "true"}},
			{"rm", []string{"network", "rm", "one"}},
		}
		for range repetitions {
			for _, verb := range verbs {
				took, err := c.time(verb.args...)
				if err != nil {
					return err
				}
				times[verb.name] = append(times[verb.name], took)
				fmt.Printf("BenchmarkNetworks/%s/networks=%d \t1\t%d ns/op\n", verb.name, number, took.Nanoseconds())
			}
		}
		for _, verb := range verbs {
			line = append(line, fmt.Sprintf("%s %v", verb.name, median(times[verb.name]).Round(10*time.Microsecond)))
		}
		fmt.Printf("# beside %d networks, medians: %s\n", number, strings.Join(line, ", "))
	}
	_, err := c.time("rm", "-f", resident)
	return err
}

// names times the name server of a container, from inside.
func (c command) names() error {
	if _, err := c.time("network", "create", "--subnet", "10.8.0.0/24", "names"); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(c.program, "run", "--rm", "--name", "asker", "--network", "names", self, asker, "127.0.0.11:53", "asker")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return err
	}
	_, err = c.time("network", "rm", "names")
	return err
}

// A command is minibridge.
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
