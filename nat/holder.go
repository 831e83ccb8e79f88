package nat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A Holder is a process that has a socket bound to a port.
type Holder struct {
	PID  int
	Name string // as in /proc/PID/comm
}

func (h Holder) String() string {
	return fmt.Sprintf("%s, pid %d", h.Name, h.PID)
}

// FindHolder looks for the process that keeps others from the first host port
// of m. There is none when the kernel holds the port itself, or when the
// process lives in another PID namespace. It looks at every process: it is for
// the words of an error.
func FindHolder(m Mapping) (h Holder, found bool, err error) {
	var inodes []uint32
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		more, err := socketsOn(family, m)
		if err != nil {
			return Holder{}, false, fmt.Errorf("list sockets: %w", err)
		}
		inodes = append(inodes, more...)
	}
	for _, inode := range inodes {
		if h, found := owner(inode); found {
			return h, true, nil
		}
	}
	return Holder{}, false, nil
}

// owner finds the process that has a socket open, by its descriptors in /proc.
func owner(inode uint32) (Holder, bool) {
	target := fmt.Sprintf("socket:[%d]", inode)
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*") // a process that has ended since matters to nobody
	for _, fd := range fds {
		if link, err := os.Readlink(fd); err != nil || link != target {
			continue
		}
		dir := filepath.Dir(filepath.Dir(fd))
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if h, lives := holder(pid); lives {
			return h, true
		}
	}
	return Holder{}, false
}

// Sizes and places in struct inet_diag_req_v2 and inet_diag_msg, and a socket
// state (linux/inet_diag.h, net/tcp_states.h).
const (
	diagReqLen    = 56
	diagMsgLen    = 72
	diagSource    = 4 + 4 // the local address behind the two ports, in the answer
	diagInode     = 68
	diagV6Only    = 11
	boundInactive = 13 // bound, neither listening nor connected; since Linux 6.8
	tcpTimeWait   = 6  // these have no owner
)

// diagReq asks for the sockets of one family and protocol on a local port
// (sock_diag(7)).
type diagReq struct {
	family, proto uint8
	port          uint16
}

func (r diagReq) Len() int { return diagReqLen }

func (r diagReq) Serialize() []byte {
	b := make([]byte, diagReqLen)
	b[0], b[1] = r.family, r.proto
	states := uint32(0xfff|1<<boundInactive) &^ (1 << tcpTimeWait)
	binary.NativeEndian.PutUint32(b[4:], states)
	binary.BigEndian.PutUint16(b[8:], r.port)
	return b
}

// socketsOn lists the inodes of sockets whose address is m's, or covers it, or
// is covered by it.
func socketsOn(family uint8, m Mapping) (inodes []uint32, err error) {
	proto := map[string]uint8{"tcp": unix.IPPROTO_TCP, "udp": unix.IPPROTO_UDP, "sctp": unix.IPPROTO_SCTP}[m.Proto]
	req := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
	req.AddData(diagReq{family, proto, m.HostPort})
	msgs, err := whole(func() ([][]byte, error) { return req.Execute(unix.NETLINK_INET_DIAG, 0) })
	if errors.Is(err, unix.ENOENT) {
		return nil, nil // the kernel has no such protocol, or can't list its sockets
	}
	for _, b := range msgs {
		if len(b) < diagMsgLen || binary.BigEndian.Uint16(b[4:]) != m.HostPort {
			continue
		}
		size := 4
		if family == unix.AF_INET6 {
			size = 16
		}
		ip, _ := netip.AddrFromSlice(b[diagSource:][:size])
		inode := binary.NativeEndian.Uint32(b[diagInode:])
		if inode != 0 && inTheWay(m, ip, onlyIPv6(b[diagMsgLen:])) {
			inodes = append(inodes, inode)
		}
	}
	return inodes, err
}

// inTheWay says that a socket's address is m's, covers it, or is covered by it.
// One of IPv6 that is for every address is for those of IPv4, too, unless it has
// IPV6_V6ONLY (ipv6(7)).
func inTheWay(m Mapping, ip netip.Addr, only6 bool) bool {
	both := ip == netip.IPv6Unspecified() && !only6
	if ip = ip.Unmap(); !both && ip.Is6() != m.IPv6() {
		return false
	}
	return m.Any() || ip.IsUnspecified() || ip == m.HostIP
}

// onlyIPv6 looks for IPV6_V6ONLY among the attributes of an answer.
func onlyIPv6(attributes []byte) bool {
	attrs, err := nl.ParseRouteAttr(attributes)
	return err == nil && slices.ContainsFunc(attrs, func(a syscall.NetlinkRouteAttr) bool {
		return a.Attr.Type == diagV6Only && len(a.Value) > 0 && a.Value[0] == 1
	})
}
