package bench

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/minibridge/minibridge/internal/load"
)

// A machine that gets slower round by round blurs the spread, not the ratio.
func TestRows(t *testing.T) {
	samples := []sample{{Kind: load.RoundTrips, Way: 0, Round: 0, Took: time.Second}} // warms up
	for round, slowness := range []float64{2, 4, 8} {
		for w, part := range []float64{1, 1.5, 2, 1, 4} {
			samples = append(samples, sample{load.RoundTrips, w, round + 1, time.Duration(part * slowness * 1e3)})
		}
	}
	got := rows(samples, Options{Rounds: 3})[5:10]
	want := []Row{
		{Way: "host to itself", To: "127.0.0.1:5201", Median: 4, Min: 2, Max: 8, Rounds: []float64{2, 4, 8}, Ratio: 1, RatioMin: 1, RatioMax: 1},
		{Way: "host to container", To: "172.17.0.2:5201", Median: 6, Min: 3, Max: 12, Rounds: []float64{3, 6, 12}, Ratio: 1.5, RatioMin: 1.5, RatioMax: 1.5},
		{Way: "host to published port", To: "127.0.0.1:5202", Median: 8, Min: 4, Max: 16, Rounds: []float64{4, 8, 16}, Ratio: 2, RatioMin: 2, RatioMax: 2},
		{Way: "outside to host", To: "192.0.2.1:5201", Median: 4, Min: 2, Max: 8, Rounds: []float64{2, 4, 8}, Ratio: 1, RatioMin: 1, RatioMax: 1},
		{Way: "outside to published port", To: "192.0.2.1:5202", Median: 16, Min: 8, Max: 32, Rounds: []float64{8, 16, 32}, Ratio: 4, RatioMin: 4, RatioMax: 4},
	}
	for i := range want {
		want[i].Measure, want[i].Unit = "round trip", "µs"
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-9, 0)); diff != "" {
		t.Error(diff)
	}
}

// What a measure says of what one took: 8 MiB of a stream, a connection, a
// burst of datagrams.
func TestUnits(t *testing.T) {
	want := map[string]float64{"throughput": 8 * 8 * 1048576 / 1e6, "round trip": 1e3, "connections": 1e3, "datagrams": 16e3}
	for _, m := range measures {
		if got := m.of(time.Millisecond.Seconds()); math.Abs(got-want[m.name]) > 1e-3*want[m.name] {
			t.Errorf("%s: %v %s", m.name, got, m.unit)
		}
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		rounds [][2]time.Duration // a way, and the one that it is compared with
		same   bool
	}{
		{[][2]time.Duration{{9, 10}, {4, 5}, {19, 20}}, false},
		{[][2]time.Duration{{9, 10}, {6, 5}, {19, 20}}, true},
		{[][2]time.Duration{{11, 10}, {6, 5}, {21, 20}}, false},
		{[][2]time.Duration{{10, 10}}, true},
	} {
		var samples []sample
		for i, r := range c.rounds {
			samples = append(samples, sample{load.Streams, 0, i + 1, r[1]}, sample{load.Streams, 1, i + 1, r[0]})
		}
		if got := rows(samples, Options{Rounds: len(c.rounds)})[1]; got.Same() != c.same {
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
		least, median, most := Spread(c.values)
		if diff := cmp.Diff(c.want, []float64{least, median, most}); diff != "" {
			t.Errorf("%v: %s", c.values, diff)
		}
	}
}
