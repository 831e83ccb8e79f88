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

// What a client says one took fits what went over the cable meanwhile: if half
// of them were as quick, as many went over it, but for what a socket holds.
func TestTimesWhatGoesOverTheCable(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, _ *hosttest.Machine) {
		serve(t)
		const d = 100 * time.Millisecond
		for _, kind := range []struct {
			load.Kind
			statistic string  // of the cable's end
			one       float64 // of it at least, for one
			held      float64
		}{
			{load.Streams, "rx_bytes", load.StreamBytes, 4 << 20}, // tcp_wmem
			{load.RoundTrips, "rx_packets", 1, 0},
			{load.Connections, "rx_packets", 3, 0}, // SYN, question, reset
			{load.Datagrams, "rx_packets", load.DatagramsAtOnce, 0},
		} {
			before, began := statistic(t, kind.statistic), time.Now()
			took, err := load.Measure(t.Context(), "outside", kind.Kind, server, d)
			if err != nil {
				t.Fatal(err)
			}
			went, all := statistic(t, kind.statistic)-before+kind.held, time.Since(began)
			if took <= 0 || took > all {
				t.Errorf("%s: one took %v, all %v", kind.Kind, took, all)
			}
			if most := went / kind.one * float64(took); most/2 > float64(all) {
				t.Errorf("%s: one took %v, and in %v %s went up by %.0f", kind.Kind, took, all, kind.statistic, went)
			}
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
		for _, kind := range []load.Kind{load.Streams, load.RoundTrips, load.Connections, load.Datagrams} {
			_, err := load.Measure(t.Context(), "outside", kind, nobody, time.Millisecond)
			if err == nil || !strings.Contains(err.Error(), "connection refused") || !strings.Contains(err.Error(), nobody.String()) {
				t.Errorf("%s: %v", kind, err)
			}
		}
	})
}
