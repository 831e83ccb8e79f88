package bench

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minibridge/minibridge/internal/load"
)

// A machine that gets slower round by round blurs the spread, not the ratio.
func TestRows(t *testing.T) {
	samples := []sample{{Kind: load.Stream, Way: 0, Round: 0, Value: 1}} // warms up
	for round, speed := range []float64{8e9, 4e9, 2e9} {
		for w, part := range []float64{1, 0.5, 0.75, 1, 0.25} {
			samples = append(samples, sample{load.Stream, w, round + 1, part * speed})
		}
	}
	got := rows(samples, 3)[:len(ways)]
	want := []Row{
		{Way: "host to itself", To: "127.0.0.1:5201", Median: 4, Min: 2, Max: 8, Rounds: []float64{8, 4, 2}, Ratio: 1, RatioMin: 1, RatioMax: 1},
		{Way: "host to container", To: "172.17.0.2:5201", Median: 2, Min: 1, Max: 4, Rounds: []float64{4, 2, 1}, Ratio: .5, RatioMin: .5, RatioMax: .5},
		{Way: "host to published port", To: "127.0.0.1:5202", Median: 3, Min: 1.5, Max: 6, Rounds: []float64{6, 3, 1.5}, Ratio: .75, RatioMin: .75, RatioMax: .75},
		{Way: "outside to host", To: "192.0.2.1:5201", Median: 4, Min: 2, Max: 8, Rounds: []float64{8, 4, 2}, Ratio: 1, RatioMin: 1, RatioMax: 1},
		{Way: "outside to published port", To: "192.0.2.1:5202", Median: 1, Min: .5, Max: 2, Rounds: []float64{2, 1, .5}, Ratio: .25, RatioMin: .25, RatioMax: .25},
	}
	for i := range want {
		want[i].Measure, want[i].Unit, want[i].More = "throughput", "Gbit/s", true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		rounds [][2]float64 // a way, and the one that it is compared with
		same   bool
	}{
		{[][2]float64{{9, 10}, {4, 5}, {19, 20}}, false},
		{[][2]float64{{9, 10}, {6, 5}, {19, 20}}, true},
		{[][2]float64{{11, 10}, {6, 5}, {21, 20}}, false},
		{[][2]float64{{10, 10}}, true},
	} {
		var samples []sample
		for i, r := range c.rounds {
			samples = append(samples, sample{load.Stream, 0, i + 1, r[1]}, sample{load.Stream, 1, i + 1, r[0]})
		}
		if got := rows(samples, len(c.rounds))[1]; got.Same() != c.same {
			t.Errorf("%v: %+v", c.rounds, got)
		}
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct{ values, want []float64 }{
		{[]float64{3}, []float64{3, 3, 3}},
		{[]float64{4, 1}, []float64{1, 2.5, 4}},
		{[]float64{9, 1, 2}, []float64{1, 2, 9}},
	} {
		least, median, most := spread(c.values)
		if diff := cmp.Diff(c.want, []float64{least, median, most}); diff != "" {
			t.Errorf("%v: %s", c.values, diff)
		}
	}
}
