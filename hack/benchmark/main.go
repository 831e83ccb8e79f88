// Benchmark times the command in a private machine: runs beside their floor,
// published ports and networks beside many others, the name server. hack/bench builds and runs it.
// In a container, it is who asks a name server.
//
//	benchmark MINIBRIDGE REPETITIONS
//	benchmark ask SERVER NAME
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/minibridge/minibridge/internal/machine"
)

// The first argument of the process in the machine, and of that in a container.
const (
	inside = "inside"
	asker  = "ask"
)

func main() {
	machine.Init()
	if len(os.Args) == 4 && os.Args[1] == inside {
		exit(measure(os.Args[2], os.Args[3]))
	}
	if len(os.Args) == 4 && os.Args[1] == asker {
		exit(askNames(os.Args[2], os.Args[3]))
	}
	if len(os.Args) != 3 {
		exit(fmt.Errorf("usage: benchmark MINIBRIDGE REPETITIONS"))
	}
	program, err := filepath.Abs(os.Args[1])
	if err != nil {
		exit(err)
	}
	self, err := os.Executable()
	if err != nil {
		exit(err)
	}
	cmd := machine.Command(context.Background(), self, inside, program, os.Args[2])
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	exit(cmd.Run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A subject is one way to do a case once.
type subject struct {
	name string
	once func() error
}

func measure(program, repetitions string) error {
	n, err := strconv.Atoi(repetitions)
	if err != nil {
		return err
	}
	fmt.Printf("goos: %s\ngoarch: %s\npkg: minibridge\n", runtime.GOOS, runtime.GOARCH)
	c := command{program}
	if err := c.compare(n); err != nil {
		return err
	}
	if err := ports(n); err != nil {
		return err
	}
	if err := c.names(); err != nil {
		return err
	}
	return c.networks(n)
}

// compare times every case, subject by subject in turn, so that a machine that
// gets slower gets slower for both.
func (p command) compare(n int) error {
	for _, c := range []struct {
		name  string
		flags []string
	}{
		{"none", []string{"--network", "none"}},
		{"bridge", nil},
		{"port", []string{"-p", "8000:80"}},
	} {
		floor, err := newFloor(c.name)
		if err != nil {
			return err
		}
		run := func() error {
			_, err := p.time(append(append([]string{"run", "--rm"}, c.flags...), "true")...)
			return err
		}
		if err := takeTurns(c.name, n, subject{"floor", floor.once}, subject{"minibridge", run}); err != nil {
			return err
		}
	}
	return nil
}

func takeTurns(name string, n int, subjects ...subject) error {
	times := make([][]time.Duration, len(subjects))
	for i := range n + 1 {
		for j, s := range subjects {
			start := time.Now()
			if err := s.once(); err != nil {
				return fmt.Errorf("%s: %s: %w", name, s.name, err)
			}
			if took := time.Since(start); i > 0 { // the first one warms up
				times[j] = append(times[j], took)
				fmt.Printf("BenchmarkRun/%s/%s \t1\t%d ns/op\n", name, s.name, took.Nanoseconds())
			}
		}
	}
	ratio := float64(median(times[1])) / float64(median(times[0]))
	fmt.Printf("# %s: median %v, floor %v: %.1f times the floor\n", name, median(times[1]).Round(10*time.Microsecond), median(times[0]).Round(10*time.Microsecond), ratio)
	return nil
}

func median(d []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[len(sorted)/2]
}
