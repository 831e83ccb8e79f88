// Package load makes traffic and times it: streams, round trips, connections
// and datagrams, from one network namespace to a server in another.
//
// Each server and each client is a process of its own, the same program once
// more: a program that uses this package calls [Init] first thing in main. They
// use plain blocking sockets on threads of their own, so that the kernel is
// what is timed, and not Go's poller.
package load

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/minibridge/minibridge/plan"
)

// A Kind is what a client does again and again.
type Kind string

const (
	Streams     Kind = "streams"     // sends [StreamBytes] more on one connection
	RoundTrips  Kind = "roundtrips"  // sends one byte on one connection and gets it back
	Connections Kind = "connections" // connects, asks, is answered, and closes
	Datagrams   Kind = "datagrams"   // sends [DatagramsAtOnce] by UDP and gets them back
)

// What one is of some kinds. So many bytes are more than a socket's buffer holds
// (tcp(7), tcp_wmem): what that takes at once says nothing.
const (
	StreamBytes     = 8 << 20
	DatagramsAtOnce = 16
)

// word is the first argument of a process that serves or makes load.
const word = "minibridge-load"

// Server is the command line of a server on an address, for both TCP and UDP.
// It prints a line when it listens.
func Server(at netip.AddrPort) ([]string, error) {
	self, err := os.Executable()
	return []string{self, word, "serve", at.String()}, err
}

// Start starts a server, or a command that has one in a container, and waits
// until it says that it listens.
func Start(cmd *exec.Cmd) error {
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return Said(&complaint, cmp.Or(cmd.Wait(), err))
	}
	return nil
}

// Said is an error of a program with its own words, where it said any.
func Said(complaint fmt.Stringer, err error) error {
	if text := strings.TrimSpace(strings.TrimPrefix(complaint.String(), "minibridge: ")); text != "" {
		return errors.New(text)
	}
	return err
}

// Measure has a client in a network namespace make load on a server for that
// long, and says what one took: the median. A tenth more than that warms up.
func Measure(ctx context.Context, from plan.NS, kind Kind, to netip.AddrPort, d time.Duration) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", word, string(kind), to.String(), d.String())
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := from.Do(cmd.Start); err != nil {
		return 0, err
	}
	if err := cmd.Wait(); err != nil {
		return 0, fmt.Errorf("%s to %s: %w", kind, to, Said(&complaint, err))
	}
	return time.ParseDuration(strings.TrimSpace(out.String()))
}

// Init does nothing in a program that was started as usual. In a process that
// is a server or a client it does not return.
func Init() {
	if len(os.Args) < 4 || os.Args[1] != word {
		return
	}
	if err := load(os.Args[2], os.Args[3], os.Args[4:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func load(what, address string, rest []string) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if what == "serve" {
		return serve(addr)
	}
	if len(rest) != 1 {
		return fmt.Errorf("%s %s for how long?", what, address)
	}
	d, err := time.ParseDuration(rest[0])
	if err != nil {
		return err
	}
	took, err := ask(Kind(what), addr, d)
	if err != nil {
		return err
	}
	_, err = fmt.Println(took)
	return err
}
