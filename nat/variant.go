package nat

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink/nl"
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
	path, err := exec.LookPath(tool)
	if err != nil {
		return "", &MissingToolError{tool}
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

// Foreign counts the rules that the other variant than v has put into the
// kernel: packets meet them too, and the iptables of this machine does not
// show them. Usually there are none, and finding that takes no program.
func Foreign(v Variant) (int, error) {
	if v == Legacy {
		return nftRules()
	}
	tables, err := os.ReadFile("/proc/net/ip_tables_names")
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(tables) == 0 {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	save, err := runTool("iptables-legacy-save", "")
	return strings.Count(save, "\n-A "), err
}

// ForeignWarning is what to tell a person about rules of the other variant;
// "" when there are none.
func ForeignWarning(v Variant, rules int) string {
	if rules == 0 {
		return ""
	}
	return fmt.Sprintf("%d rules of iptables-%s are in force beside those of iptables-%s, and can drop what these let through; see: iptables-%s-save",
		rules, v.other(), v, v.other())
}

// Of linux/netfilter/nf_tables.h.
const (
	nftMsgGetRule = 7
	nftaRuleTable = 1
)

// nftRules counts the rules in those nftables tables that iptables-nft uses.
func nftRules() (count int, err error) {
	req := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|nftMsgGetRule, unix.NLM_F_DUMP)
	req.AddData(&nl.Nfgenmsg{NfgenFamily: unix.NFPROTO_IPV4})
	msgs, err := whole(func() ([][]byte, error) { return req.Execute(unix.NETLINK_NETFILTER, 0) })
	if err != nil {
		return 0, fmt.Errorf("list nftables rules: %w", err)
	}
	for _, b := range msgs {
		attrs, err := nl.ParseRouteAttr(b[nl.SizeofNfgenmsg:])
		if err != nil {
			return 0, err
		}
		for _, a := range attrs {
			name := strings.TrimRight(string(a.Value), "\x00")
			if a.Attr.Type == nftaRuleTable && slices.Contains([]string{"raw", "mangle", "nat", "filter", "security"}, name) {
				count++
			}
		}
	}
	return count, nil
}
