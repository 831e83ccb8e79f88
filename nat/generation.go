package nat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A generation is a state of the nftables rules of one network namespace, as
// one program lists them. Two that are equal have the same rules.
type generation struct {
	number uint32 // the kernel counts the transactions
	netns  uint64 // the namespace's cookie: no other has it in this boot
	boot   string
	tool   string // which iptables: the legacy one's rules have no generation
}

// after is the generation that so many transactions lead to.
func (g generation) after(transactions int) generation {
	g.number += uint32(transactions)
	return g
}

// String is how it stands in a file.
func (g generation) String() string {
	return fmt.Sprintf("generation %d of network namespace %d in boot %s, by %s", g.number, g.netns, g.boot, g.tool)
}

// generationNow is an error where the kernel, or one before Linux 5.14, can't
// tell.
func generationNow() (g generation, err error) {
	if g.tool, err = FindTool(IPv4.tool("-save")); err != nil {
		return g, err
	}
	if g.tool, err = filepath.EvalSymlinks(g.tool); err != nil {
		return g, err
	}
	return g, g.look()
}

// look asks the kernel for all but the tool.
func (g *generation) look() error {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return err
	}
	g.boot = strings.TrimSpace(string(boot))
	if g.netns, err = netnsCookie(); err != nil {
		return err
	}
	g.number, err = generationNumber()
	return err
}

// netnsCookie names the network namespace of the calling thread (socket(7)).
// Its inode would not do: the next namespace may have the same.
func netnsCookie() (uint64, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	return unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
}

// Of linux/netfilter/nf_tables.h.
const (
	nftMsgGetGen = 16
	nftaGenID    = 1
)

var errNoGeneration = errors.New("nftables gives no generation")

func generationNumber() (uint32, error) {
	req := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|nftMsgGetGen, 0)
	req.AddData(&nl.Nfgenmsg{})
	msgs, err := req.Execute(unix.NETLINK_NETFILTER, 0)
	if err != nil {
		return 0, err
	}
	for _, b := range msgs {
		attrs, err := nl.ParseRouteAttr(b[nl.SizeofNfgenmsg:])
		if err != nil {
			return 0, err
		}
		for _, a := range attrs {
			if a.Attr.Type == nftaGenID && len(a.Value) == 4 {
				return binary.BigEndian.Uint32(a.Value), nil
			}
		}
	}
	return 0, errNoGeneration
}
