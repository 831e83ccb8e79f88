package hosttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/plan"
)

// firewall gives the rules of nft and of both iptables variants, each chain's
// in their order. Empty built-in chains and tables are left out: iptables makes
// them as soon as somebody looks. A variant without tables is not asked, as
// that takes most of the time.
func firewall(ns plan.NS) fact {
	ruleset := start("", "nft", "-j", "list", "ruleset")
	var legacy []*job
	for _, program := range []string{"iptables-legacy", "ip6tables-legacy"} {
		names, err := os.ReadFile("/proc/thread-self/net/" + strings.TrimSuffix(program, "tables-legacy") + "_tables_names")
		if err == nil && len(names) > 0 {
			legacy = append(legacy, start("", program+"-save"))
		}
	}
	return func() ([]string, error) {
		b, err := ruleset.wait()
		if err != nil {
			return nil, err
		}
		rules, owned, err := nft(b)
		if err != nil {
			return nil, err
		}
		var lines []string
		for _, family := range owned {
			var save *job
			program := family + "tables-nft-save"
			if err := ns.Do(func() error { save = start("", program); return nil }); err != nil {
				return nil, err
			}
			legacy = append(legacy, save)
		}
		for _, save := range legacy {
			b, err := save.wait()
			if err != nil {
				return nil, err
			}
			lines = append(lines, iptables(strings.TrimSuffix(save.name(), "-save"), string(b))...)
		}
		return append(lines, rules...), nil
	}
}

var counters = regexp.MustCompile(`^\[\d+:\d+\] | \[\d+:\d+\]$`)

// iptables turns what iptables-save prints into sorted lines: chains of our
// own and policies other than ACCEPT, then the rules, chain by chain.
func iptables(variant, save string) []string {
	var chains, rules []string
	table := ""
	for line := range strings.Lines(save) {
		line = counters.ReplaceAllString(strings.TrimSuffix(line, "\n"), "")
		name, found := strings.CutPrefix(line, "*")
		switch {
		case found:
			table = name
		case strings.HasPrefix(line, ":") && !strings.HasSuffix(line, " ACCEPT"):
			chains = append(chains, fmt.Sprintf("%s %s %s", variant, table, line))
		case strings.HasPrefix(line, "-"):
			rules = append(rules, fmt.Sprintf("%s %s %s", variant, table, line))
		}
	}
	slices.Sort(chains)
	slices.SortStableFunc(rules, func(a, b string) int { return slices.Compare(chain(a), chain(b)) })
	return append(chains, rules...)
}

// chain is the part of a rule's line that ends in the chain's name.
func chain(rule string) []string { return strings.Fields(rule)[:4] }

// iptablesTables are the tables that iptables-nft keeps (xtables-nft(8)).
var iptablesTables = []string{"filter", "nat", "mangle", "raw", "security"}

// nft turns a ruleset in JSON (libnftables-json(5)) into lines, without the
// tables of iptables-nft, whose families it gives.
func nft(ruleset []byte) (lines, iptables []string, err error) {
	var doc struct{ Nftables []map[string]object }
	dec := json.NewDecoder(bytes.NewReader(ruleset))
	dec.UseNumber()
	if err := dec.Decode(&doc); err != nil {
		return nil, nil, fmt.Errorf("nft: %w in %q", err, ruleset)
	}
	var rules []string
	for _, entry := range doc.Nftables {
		for kind, o := range entry {
			name := o["table"]
			if kind == "table" {
				name = o["name"]
			}
			table, _ := name.(string)
			family, _ := o["family"].(string)
			if kind == "metainfo" {
				continue
			}
			if strings.HasPrefix(family, "ip") && slices.Contains(iptablesTables, table) {
				if !slices.Contains(iptables, family) {
					iptables = append(iptables, family)
				}
				continue
			}
			line := fmt.Sprintf("nft %s %s", kind, text(uncounted(o), nil))
			if kind == "rule" {
				rules = append(rules, line) // nft lists a chain's rules together, in order
				continue
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	slices.Sort(iptables)
	return append(lines, rules...), iptables, nil
}

// uncounted empties the counters and sorts the elements of a set or map.
func uncounted(o object) object {
	for _, key := range []string{"expr", "elem"} {
		list, _ := o[key].([]any)
		for _, e := range list {
			if statement, ok := e.(map[string]any); ok && statement["counter"] != nil {
				statement["counter"] = nil
			}
		}
	}
	if elem, ok := o["elem"].([]any); ok {
		slices.SortFunc(elem, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
	return o
}
