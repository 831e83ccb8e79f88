package hosttest

import (
	"flag"

	"golang.org/x/sys/unix"
)

var wantSCTP = flag.Bool("sctp", false, "a kernel without SCTP is an error")

// Protocols are those of tcp, udp and sctp that the kernel has sockets of. It
// always has the first two.
func Protocols(t TB) []string {
	t.Helper()
	all := []string{"tcp", "udp"}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_SCTP)
	switch {
	case err == nil:
		unix.Close(fd)
		all = append(all, "sctp")
	case *wantSCTP:
		t.Fatalf("SCTP: %v", err)
	}
	return all
}
