package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/minibridge/minibridge/internal/bench"
)

// A group is subjects that are compared with each other.
type group struct {
	name     string
	subjects []subject
	goals    []goal
}

// A goal is how many times as long one subject may take for a thing as another
// one.
type goal struct {
	subject string
	metric  string
	beside  string
	most    float64
}

// times are what one turn took, by metric.
type times map[string]time.Duration

// run takes the turns.
func (g group) run(program string, repetitions int) (err error) {
	ctx, end := context.WithCancel(context.Background())
	defer end()
	workers := make([]*worker, len(g.subjects))
	for i, s := range g.subjects {
		if workers[i], err = startWorker(ctx, program, g.name, s.name); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, workers[i].end()) }()
	}
	all := make([][]times, len(workers)) // by subject and turn
	for turn := range repetitions + 1 {
		for i := range workers {
			i = (i + turn) % len(workers)
			took, err := workers[i].once()
			if err != nil {
				return fmt.Errorf("%s: %w", g.subjects[i].name, err)
			}
			if turn == 0 {
				continue // it warms up
			}
			all[i] = append(all[i], took)
			for _, metric := range slices.Sorted(maps.Keys(took)) {
				fmt.Printf("Benchmark%s/%s/%s \t1\t%d ns/op\n", g.name, g.subjects[i].name, metric, took[metric].Nanoseconds())
			}
		}
	}
	g.sum(all)
	return nil
}

// sum prints the medians, a line a metric, and how the goals were met.
func (g group) sum(all [][]times) {
	for _, metric := range g.metrics(all) {
		var words []string
		for i, s := range g.subjects {
			if seconds := column(all[i], metric); len(seconds) > 0 {
				words = append(words, fmt.Sprintf("%s %s", s.name, text(seconds)))
			}
		}
		fmt.Printf("# %s: %s\n", metric, strings.Join(words, ", "))
	}
	for _, goal := range g.goals {
		least, median, most := bench.Spread(bench.Ratios(g.of(all, goal.subject, goal.metric), g.of(all, goal.beside, goal.metric)))
		verdict := "met"
		if median > goal.most {
			verdict = "MISSED"
		}
		fmt.Printf("# %s, %s: %.2f (%.2f to %.2f) times %s, at most %.2f: %s\n", goal.subject, goal.metric, median, least, most, goal.beside, goal.most, verdict)
	}
}

func (g group) metrics(all [][]times) []string {
	seen := map[string]bool{}
	for _, turns := range all {
		for metric := range turns[0] {
			seen[metric] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

func (g group) of(all [][]times, name, metric string) []float64 {
	return column(all[slices.IndexFunc(g.subjects, func(s subject) bool { return s.name == name })], metric)
}

// column is a metric's times in seconds, turn by turn.
func column(turns []times, metric string) (seconds []float64) {
	for _, took := range turns {
		if d, ok := took[metric]; ok {
			seconds = append(seconds, d.Seconds())
		}
	}
	return seconds
}

// text is a median with three digits that count.
func text(seconds []float64) string {
	_, median, _ := bench.Spread(seconds)
	d := time.Duration(median * float64(time.Second))
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= unit {
			return cmp.Or(d.Round(unit/100), d).String()
		}
	}
	return d.String()
}
