package nat

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A looker lists tables for the ops of a backend. Those that look one after
// the other share a listing, as long as the kernel says that nothing has
// changed: of iptables-nft alone, as it numbers each change.
type looker struct {
	mu   sync.Mutex
	at   generation
	last *listing
}

func (k *looker) list(f Family) (*listing, error) {
	if k == nil {
		return list(f)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now, err := generationNow(f)
	if err == nil && k.last != nil && k.at == now {
		return k.last, nil
	}
	l, listErr := list(f)
	if listErr != nil {
		return nil, listErr
	}
	k.last = nil
	if err == nil && l.nft {
		k.at, k.last = now, l
	}
	return l, nil
}

// A generation is a state of the nftables rules of a network namespace.
type generation struct {
	family Family
	netns  uint64 // inode
	number uint32
}

// Of linux/netfilter/nf_tables.h.
const (
	nftMsgGetGen = 16
	nftaGenID    = 1
)

var errNoGeneration = errors.New("nftables gives no generation")

func generationNow(f Family) (generation, error) {
	info, err := os.Stat("/proc/thread-self/ns/net")
	if err != nil {
		return generation{}, err
	}
	req := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|nftMsgGetGen, 0)
	req.AddData(&nl.Nfgenmsg{})
	msgs, err := req.Execute(unix.NETLINK_NETFILTER, 0)
	if err != nil {
		return generation{}, err
	}
	for _, b := range msgs {
		attrs, err := nl.ParseRouteAttr(b[nl.SizeofNfgenmsg:])
		if err != nil {
			return generation{}, err
		}
		for _, a := range attrs {
			if a.Attr.Type == nftaGenID && len(a.Value) == 4 {
				return generation{f, info.Sys().(*syscall.Stat_t).Ino, binary.BigEndian.Uint32(a.Value)}, nil
			}
		}
	}
	return generation{}, errNoGeneration
}
