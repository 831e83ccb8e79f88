package nat

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// eachOfDockers hands out the lines of a file of testdata: a value of a flag,
// and what is made of it.
func eachOfDockers(t *testing.T, file string, f func(value, want string)) {
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		value, err := strconv.Unquote(columns[0])
		if err != nil || len(columns) < 2 {
			t.Fatalf("%s: %q: %v", file, line, err)
		}
		f(value, columns[len(columns)-1])
	}
}

func TestSpecsAreWhatDockerTakesThemFor(t *testing.T) {
	t.Parallel()
	eachOfDockers(t, "publish", func(value, want string) {
		s, err := ParseSpec(value)
		got := "ok " + s.String()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("-p %q: %s\nwant: %s", value, got, want)
		}
	})
}

func TestExposedPortsAreWhatDockerTakesThemFor(t *testing.T) {
	t.Parallel()
	eachOfDockers(t, "expose", func(value, want string) {
		got := ""
		if ports, err := ParseExpose(value); err != nil {
			got = err.Error()
		} else {
			first, last := ports[0], ports[len(ports)-1]
			got = "ok " + dashed(first.Number, last.Number) + "/" + first.Proto
		}
		if got != want {
			t.Errorf("--expose %q: %s\nwant: %s", value, got, want)
		}
	})
}
