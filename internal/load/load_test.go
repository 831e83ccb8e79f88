package load_test

import (
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/load"
)

func TestMain(m *testing.M) {
	load.Init()
	hosttest.Main(m)
}

var (
	server = netip.MustParseAddrPort("192.0.2.1:5201")
	nobody = netip.MustParseAddrPort("192.0.2.1:5299")
)

func serve(t *testing.T) {
	argv, err := load.Server(server)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal("the server doesn't listen:", err)
	}
}

// What a client counts went over the cable, but for what its socket still holds.
func TestCountsWhatWentOverTheCable(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, _ *hosttest.Machine) {
		serve(t)
		const d = 200 * time.Millisecond
		for _, kind := range []struct {
			load.Kind
			statistic string  // of the cable's end
			each      float64 // of it at least, for one that is counted
			held      float64
		}{
			{load.Stream, "rx_bytes", 1. / 8, 4 << 20}, // tcp_wmem
			{load.Connections, "rx_packets", 2, 0},     // SYN and question
			{load.Datagrams, "rx_packets", 1, 0},
		} {
			before := statistic(t, kind.statistic)
			perSecond, err := load.Measure(t.Context(), "outside", kind.Kind, server, d)
			if err != nil {
				t.Fatal(err)
			}
			went := statistic(t, kind.statistic) - before
			if counted := perSecond * d.Seconds() * kind.each; counted == 0 || counted > went+kind.held {
				t.Errorf("%s: %.0f counted in %v, and %s went up by %.0f", kind.Kind, perSecond, d, kind.statistic, went)
			}
		}
		took, err := load.Measure(t.Context(), "outside", load.RoundTrips, server, d)
		if err != nil || took <= 0 || took > d.Seconds() {
			t.Errorf("a round trip took %v seconds: %v", took, err)
		}
	})
}

func statistic(t *testing.T, name string) float64 {
	t.Helper()
	b, err := os.ReadFile("/sys/class/net/uplink/statistics/" + name)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(string(b)), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNobodyAnswers(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, _ *hosttest.Machine) {
		for _, kind := range []load.Kind{load.Stream, load.RoundTrips, load.Connections, load.Datagrams} {
			_, err := load.Measure(t.Context(), "outside", kind, nobody, time.Millisecond)
			if err == nil || !strings.Contains(err.Error(), "connection refused") || !strings.Contains(err.Error(), nobody.String()) {
				t.Errorf("%s: %v", kind, err)
			}
		}
	})
}
