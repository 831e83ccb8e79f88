// Benchmark times minibridge beside its floor: the least that has the same
// effect, by raw netlink messages and raw rules. hack/bench builds and runs it.
//
// Each subject is in a private machine of its own, and all subjects of a group
// take their turns: A B C, B C A, … So a machine that gets slower gets slower
// for all, and a ratio is taken turn by turn. Prints benchstat's format, and
// between it, in comments, medians, ratios and whether a group's goals are met.
//
//	benchmark MINIBRIDGE REPETITIONS [GROUP...]
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/minibridge/minibridge/internal/load"
	"github.com/minibridge/minibridge/internal/machine"
)

// groups are all of them, in the order in which they run.
var groups = []group{runs, setup, ports, thousand, traffic, names, networks, peers}

func main() {
	load.Init()
	machine.Init()
	if len(os.Args) > 1 {
		switch args := os.Args[2:]; os.Args[1] {
		case asSubject:
			exit(beSubject(args[0], args[1], args[2]))
		case asFloor:
			exit(beFloor(args[0]))
		case asAsker:
			exit(askNames(args[0], args[1]))
		}
	}
	exit(benchmark(os.Args[1:]))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func benchmark(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("usage: benchmark MINIBRIDGE REPETITIONS [GROUP...]")
	}
	program, err := filepath.Abs(args[0])
	if err != nil {
		return err
	}
	repetitions, err := strconv.Atoi(args[1])
	if err != nil || repetitions < 1 {
		return fmt.Errorf("%q repetitions?", args[1])
	}
	wanted, err := choose(args[2:])
	if err != nil {
		return err
	}
	runtime.LockOSThread() // a machine ends with the thread that started it
	fmt.Printf("goos: %s\ngoarch: %s\npkg: minibridge\n", runtime.GOOS, runtime.GOARCH)
	for _, g := range wanted {
		if err := g.run(program, repetitions); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	return nil
}

// choose finds groups by name; all when none is named.
func choose(by []string) (wanted []group, err error) {
	if len(by) == 0 {
		return groups, nil
	}
	for _, name := range by {
		i := slices.IndexFunc(groups, func(g group) bool { return strings.EqualFold(g.name, name) })
		if i < 0 {
			return nil, fmt.Errorf("no group %q", name)
		}
		wanted = append(wanted, groups[i])
	}
	return wanted, nil
}
