package main

import (
	"encoding/binary"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/google/nftables"
)

// A floorRule leads a port of the host to the floor's container by one rule and
// nothing else.
type floorRule interface {
	add(ports ...int) error
	del(ports ...int) error
}

// floorIptables is one call of iptables-restore(8).
type floorIptables struct{}

func (floorIptables) add(ports ...int) error { return floorRestore("-A", ports) }
func (floorIptables) del(ports ...int) error { return floorRestore("-D", ports) }

func floorRestore(verb string, ports []int) error {
	var lines strings.Builder
	for _, port := range ports {
		fmt.Fprintf(&lines, "%s PREROUTING -p tcp --dport %d -j DNAT --to-destination %s:80\n", verb, port, floorAddress)
	}
	return feed("*nat\n"+lines.String()+"COMMIT\n", "iptables-restore", "--noflush", "-w")
}

// floorNftables is elements of a map, by a socket that stays open.
type floorNftables struct {
	conn *nftables.Conn
	set  *nftables.Set
}

const floorTable = `
add table ip floor
add map ip floor ports { type inet_service : ipv4_addr . inet_service; }
add chain ip floor prerouting { type nat hook prerouting priority -100; }
add rule ip floor prerouting fib daddr type local dnat ip to tcp dport map @ports
`

func newFloorNftables() (*floorNftables, error) {
	if err := feed(floorTable, "nft", "-f", "-"); err != nil {
		return nil, err
	}
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return nil, err
	}
	set, err := conn.GetSetByName(&nftables.Table{Name: "floor", Family: nftables.TableFamilyIPv4}, "ports")
	return &floorNftables{conn, set}, err
}

func (f *floorNftables) add(ports ...int) error {
	for some := range slices.Chunk(ports, perMessage) {
		if err := f.conn.SetAddElements(f.set, floorElements(some)); err != nil {
			return err
		}
		if err := f.conn.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// perMessage is how many elements an attribute has room for: 64 KiB (struct
// nlattr).
const perMessage = 256

func (f *floorNftables) del(ports ...int) error {
	if err := f.conn.SetDeleteElements(f.set, floorElements(ports)); err != nil {
		return err
	}
	return f.conn.Flush()
}

func floorElements(ports []int) (all []nftables.SetElement) {
	for _, port := range ports {
		key := binary.BigEndian.AppendUint16(nil, uint16(port))
		value := append(append([]byte{}, floorAddress.To4()...), 0, 80, 0, 0)
		all = append(all, nftables.SetElement{Key: key, Val: value})
	}
	return all
}

func feed(stdin, program string, args ...string) error {
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}
