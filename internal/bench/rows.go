package bench

import (
	"slices"

	"github.com/minibridge/minibridge/internal/load"
)

// A Row is one way by one measure.
type Row struct {
	Measure string // what was measured, and in which unit
	Unit    string
	More    bool   // more is better
	Way     string // from whom to whom
	To      string // address and port
	Median  float64
	Min     float64
	Max     float64
	Rounds  []float64 // each one's own

	// What it is to the first way of the same client. Each round has its own
	// ratio, so a machine whose speed drifts does not blur it.
	Ratio    float64
	RatioMin float64
	RatioMax float64
}

// Same says that the rounds don't agree on whether there is a difference.
func (r Row) Same() bool { return r.RatioMin <= 1 && 1 <= r.RatioMax }

// measures are what is made of the samples.
var measures = []struct {
	kind load.Kind
	name string
	unit string
	more bool
	of   func(seconds float64) float64 // in that unit
}{
	{load.Streams, "throughput", "Gbit/s", true, func(s float64) float64 { return load.StreamBytes * 8 / s / 1e9 }},
	{load.RoundTrips, "round trip", "µs", false, func(s float64) float64 { return s * 1e6 }},
	{load.Connections, "connections", "1/s", true, func(s float64) float64 { return 1 / s }},
	{load.Datagrams, "datagrams", "1/s", true, func(s float64) float64 { return load.DatagramsAtOnce / s }},
}

// rows are all measures of all ways, measure by measure.
func rows(samples []sample, o Options) (all []Row) {
	ways := o.family().ways()
	for _, m := range measures {
		values := make([][]float64, len(ways)) // by way and round
		for i := range values {
			values[i] = make([]float64, o.Rounds)
		}
		for _, s := range samples {
			if s.Kind == m.kind && s.Round > 0 {
				values[s.Way][s.Round-1] = m.of(s.Took.Seconds())
			}
		}
		for i, w := range ways {
			r := Row{Measure: m.name, Unit: m.unit, More: m.more, Way: w.name, To: w.to.String(), Rounds: values[i]}
			r.Min, r.Median, r.Max = Spread(values[i])
			r.RatioMin, r.Ratio, r.RatioMax = Spread(Ratios(values[i], values[w.beside]))
			all = append(all, r)
		}
	}
	return all
}

// Ratios are what a is to b, round by round.
func Ratios(a, b []float64) []float64 {
	r := make([]float64, len(a))
	for i := range a {
		r[i] = a[i] / b[i]
	}
	return r
}

// Spread is the least, the median and the most of some values.
func Spread(values []float64) (least, median, most float64) {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median = sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + median) / 2
	}
	return sorted[0], median, sorted[len(sorted)-1]
}
