package engine_test

import (
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// A supervisor that was started before an upgrade answers a newer command, also
// where it doesn't know what that wants.
func TestSupervisorRefusesWhatItDoesNotKnow(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		id := strings.TrimSpace(m.Sh(t, "minibridge run -d --name web sleep 1000"))
		c, err := net.Dial("unix", filepath.Join("/run/minibridge/containers", id, "socket"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("?\x00\x00\x00\x02{}")); err != nil {
			t.Fatal(err)
		}
		head := make([]byte, 5)
		if _, err := io.ReadFull(c, head); err != nil {
			t.Fatal(err)
		}
		body := make([]byte, head[4])
		if _, err := io.ReadFull(c, body); err != nil {
			t.Fatal(err)
		}
		if head[0] != 'f' || !strings.Contains(string(body), "minibridge restart web") {
			t.Errorf("it answers %q %s", head, body)
		}
	})
}
