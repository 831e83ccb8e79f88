package nat

import (
	"errors"
	"fmt"
	"testing"

	"github.com/vishvananda/netlink"
)

// Half a list decides nothing: it is asked for again, and at last reported.
func TestADumpIsWholeOrAnError(t *testing.T) {
	t.Parallel()
	other := errors.New("another error")
	for _, test := range []struct {
		interrupted int
		last        error
		asked       int
		want        error
	}{
		{0, nil, 1, nil},
		{1, nil, 2, nil},
		{dumpTries - 1, nil, dumpTries, nil},
		{dumpTries, nil, dumpTries, netlink.ErrDumpInterrupted},
		{1, other, 2, other},
	} {
		asked := 0
		got, err := whole(func() (int, error) {
			if asked++; asked <= test.interrupted {
				return 0, fmt.Errorf("half of it: %w", netlink.ErrDumpInterrupted)
			}
			return asked, test.last
		})
		if asked != test.asked || !errors.Is(err, test.want) || err == nil && got != asked {
			t.Errorf("interrupted %d times: asked %d times, %d, %v", test.interrupted, asked, got, err)
		}
	}
}
