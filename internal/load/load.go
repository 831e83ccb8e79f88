// Package load makes traffic and times it: streams, round trips, connections
// and datagrams, from one network namespace to a server in another.
//
// Each server and each client is a process of its own, the same program once
// more: a program that uses this package calls [Init] first thing in main. They
// use plain blocking sockets on threads of their own, so that the kernel is
// what is timed, and not Go's poller.
package load

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/minibridge/minibridge/plan"
)

// A Kind is what a client does, and what it counts.
type Kind string

const (
	Stream      Kind = "stream"      // sends on one connection: bits a second
	RoundTrips  Kind = "roundtrips"  // one byte to and fro on one connection: seconds, the median of them
	Connections Kind = "connections" // connects, asks, is answered, closes; several at once: connections a second
	Datagrams   Kind = "datagrams"   // asks by UDP and is answered, with some questions under way: answers a second
)

// word is the first argument of a process that serves or makes load.
const word = "minibridge-load"

// Server is the command line of a server on an address, for both TCP and UDP.
// It prints a line when it listens.
func Server(at netip.AddrPort) ([]string, error) {
	self, err := os.Executable()
	return []string{self, word, "serve", at.String()}, err
}

// Measure has a client in a network namespace make load on a server for that
// long. The clock starts after a tenth of it, when the path is warm.
func Measure(ctx context.Context, from plan.NS, kind Kind, to netip.AddrPort, d time.Duration) (float64, error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", word, string(kind), to.String(), d.String())
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := from.Do(cmd.Start); err != nil {
		return 0, err
	}
	if err := cmd.Wait(); err != nil {
		return 0, fmt.Errorf("%s to %s: %w: %s", kind, to, err, strings.TrimSpace(complaint.String()))
	}
	return strconv.ParseFloat(strings.TrimSpace(out.String()), 64)
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
	count, err := ask(Kind(what), addr, d)
	if err != nil {
		return err
	}
	_, err = fmt.Println(count)
	return err
}
