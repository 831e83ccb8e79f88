package nat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Variant is one of the two programs that are called iptables: they write to
// different places in the kernel, and a packet meets the rules of both.
type Variant string

// The variants of iptables(8).
const (
	NFT    Variant = "nft"    // rules are nftables' (xtables-nft(8))
	Legacy Variant = "legacy" // the older interface (xtables-legacy(8))
)

// other is the variant that a given one is not.
func (v Variant) other() Variant {
	if v == NFT {
		return Legacy
	}
	return NFT
}

// FindVariant says which variant iptables is here. Debian's is a chain of
// links to a file that says so; elsewhere the program is asked.
func FindVariant() (Variant, error) {
	tool := IPv4.tool("")
	path, err := FindTool(tool)
	if err != nil {
		return "", err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	for _, v := range []Variant{NFT, Legacy} {
		if strings.Contains(filepath.Base(path), string(v)) {
			return v, nil
		}
	}
	version, err := runTool(tool, "", "--version")
	if err != nil {
		return "", err
	}
	if strings.Contains(version, "nf_tables") {
		return NFT, nil
	}
	return Legacy, nil
}

// Foreign counts the rules, and the policies of DROP, that the other variant than
// v has put into the kernel: packets meet them too, and the iptables of this
// machine does not show them. Usually there are none, and finding that takes no
// program.
func Foreign(v Variant) (count int, err error) {
	if v == Legacy {
		return nftRules()
	}
	for _, f := range []Family{IPv4, IPv6} {
		if !f.hasLegacy("") {
			continue
		}
		save, err := runTool(f.tool("-legacy-save"), "")
		if err != nil {
			return 0, err
		}
		count += strings.Count(save, "\n-A ") + strings.Count(save, " DROP [")
	}
	return count, nil
}

// hasLegacy says that the legacy variant keeps a table, or any. Without one, its
// programs need not be asked, which make tables when they look.
func (f Family) hasLegacy(table string) bool {
	names, _ := os.ReadFile(fmt.Sprintf("/proc/thread-self/net/ip%s_tables_names", f)) // a kernel without has no such file
	tables := strings.Fields(string(names))
	return len(tables) > 0 && (table == "" || slices.Contains(tables, table))
}

// ForeignWarning is what to tell a person about rules of the other variant;
// "" when there are none.
func ForeignWarning(v Variant, count int) string {
	if count == 0 {
		return ""
	}
	return fmt.Sprintf("%d rules or policies of iptables-%s are in force beside those of iptables-%s, and can drop what these let through; see: iptables-%s-save",
		count, v.other(), v, v.other())
}

// nftRules counts those of the nftables tables that iptables-nft uses.
func nftRules() (count int, err error) {
	kept := func(table string) bool {
		return slices.Contains([]string{"raw", "mangle", "nat", "filter", "security"}, table)
	}
	for _, family := range []uint8{unix.NFPROTO_IPV4, unix.NFPROTO_IPV6} {
		err = errors.Join(err,
			nftDump(family, unix.NFT_MSG_GETRULE, func(_ uint8, a nftAttrs) {
				if kept(a.text(unix.NFTA_RULE_TABLE)) {
					count++
				}
			}),
			nftDump(family, unix.NFT_MSG_GETCHAIN, func(_ uint8, a nftAttrs) {
				if kept(a.text(unix.NFTA_CHAIN_TABLE)) && a.drops() {
					count++
				}
			}))
	}
	return count, err
}

// drops says that a chain has a policy of DROP.
func (a nftAttrs) drops() bool {
	policy := a[unix.NFTA_CHAIN_POLICY]
	return len(policy) == 4 && binary.BigEndian.Uint32(policy) == nfDrop
}
