package hosttest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/plan"
)

// firewall gives the rules of both iptables variants and of nft, each chain's
// in their order. Empty built-in chains and tables are left out: iptables makes
// them as soon as somebody looks.
func firewall(ns plan.NS) ([]string, error) {
	var lines []string
	for _, variant := range []string{"iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy"} {
		out, code := run(ns, variant+"-save 2>/dev/null")
		if code != 0 {
			return nil, fmt.Errorf("%s-save: %s", variant, out)
		}
		lines = append(lines, iptables(variant, out)...)
	}
	out, code := run(ns, "nft -j list ruleset")
	if code != 0 {
		return nil, fmt.Errorf("nft: %s", out)
	}
	rules, err := nft(out)
	return append(lines, rules...), err
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
var iptablesTables = []string{"filter", "nat", "mangle", "raw", "security", "broute"}

// nft turns a ruleset in JSON (libnftables-json(5)) into lines, without the
// tables that iptables-nft shows.
func nft(ruleset string) ([]string, error) {
	var doc struct{ Nftables []map[string]object }
	dec := json.NewDecoder(strings.NewReader(ruleset))
	dec.UseNumber()
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("nft: %w in %q", err, ruleset)
	}
	var lines, rules []string
	for _, entry := range doc.Nftables {
		for kind, o := range entry {
			name := o["table"]
			if kind == "table" {
				name = o["name"]
			}
			owned, _ := name.(string)
			if kind == "metainfo" || o["family"] != "inet" && slices.Contains(iptablesTables, owned) {
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
	return append(lines, rules...), nil
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
