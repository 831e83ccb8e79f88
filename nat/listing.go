package nat

import (
	"fmt"
	"slices"
	"strings"
)

// A listing is what iptables-save(8) says; a nil one is that of a clean
// machine.
type listing struct {
	chains map[Chain]bool
	rules  []Rule
	keys   map[string]int // how many copies of each rule there are, by its key
}

// list reads all tables at once: it takes as long as one.
func list(f Family) (*listing, error) {
	out, err := runTool(f.tool("-save"), "")
	if err != nil {
		return nil, err
	}
	return parseListing(out)
}

func parseListing(save string) (*listing, error) {
	l := &listing{chains: map[Chain]bool{}, keys: map[string]int{}}
	table := ""
	for line := range strings.Lines(save) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "*"):
			table = line[1:]
		case strings.HasPrefix(line, ":"):
			name, _, _ := strings.Cut(line[1:], " ")
			l.chains[Chain{table, name}] = true
		case strings.HasPrefix(line, "-A "):
			name, spec, _ := strings.Cut(line[len("-A "):], " ")
			r := Rule{Chain: Chain{table, name}, Spec: spec}
			l.rules = append(l.rules, r)
			l.keys[r.key()]++
		case unreadable(line) != "":
			return nil, fmt.Errorf("iptables can't read table %[1]s, as nft put a rule into it; see: nft list table ip %[1]s", unreadable(line))
		}
	}
	return l, nil
}

// unreadable recognises the comment in which iptables-nft-save gives up on one
// of our tables, because nft(8) has put a rule into it that it can't say: such
// a table looks empty, and must not be taken for it.
func unreadable(line string) (table string) {
	rest, ok := strings.CutPrefix(line, "# Table `")
	name, says, _ := strings.Cut(rest, "' ")
	if ok && strings.HasPrefix(says, "is incompatible") && rank(name) >= 0 {
		return name
	}
	return ""
}

func (l *listing) has(c Chain) bool {
	return l != nil && l.chains[c]
}

// copies counts the rules that are the same as r.
func (l *listing) copies(r Rule) int {
	if l == nil {
		return 0
	}
	return l.keys[r.key()]
}

// among returns the rules of a chain that are also in want, as they stand.
func (l *listing) among(c Chain, want []Rule) (there []Rule) {
	if l == nil {
		return nil
	}
	wanted := map[string]bool{}
	for _, w := range want {
		wanted[w.key()] = true
	}
	for _, r := range l.rules {
		if r.Chain == c && wanted[r.key()] {
			there = append(there, r)
		}
	}
	return there
}

// leftovers returns the rules that have to go before a chain can: those with
// our mark in it. One without it, in the chain or leading to it from
// elsewhere, is a stranger's, and the chain then stays. Rules in doomed go
// anyway.
func (l *listing) leftovers(c Chain, doomed map[string]bool) (left []Rule, stranger *Rule) {
	for _, r := range l.rules {
		inside := r.Chain == c
		if doomed[r.key()] || !inside && !r.leadsTo(c) {
			continue
		}
		if !r.ours() {
			stranger = &r
			continue
		}
		left = append(left, r)
	}
	return left, stranger
}

// leadsTo says that the rule jumps or goes to a chain.
func (r Rule) leadsTo(c Chain) bool {
	words := unquote(r.Spec)
	for i, w := range words[:max(len(words)-1, 0)] {
		if (w == "-j" || w == "-g") && words[i+1] == c.Name {
			return r.Table == c.Table
		}
	}
	return false
}

// ours says that the rule carries our mark.
func (r Rule) ours() bool {
	words := unquote(r.Spec)
	i := slices.Index(words, "--comment")
	return i >= 0 && i+1 < len(words) && strings.HasPrefix(words[i+1], mark)
}

// key is the same for rules that are the same, however their words are quoted.
func (r Rule) key() string {
	return r.Table + "\x00" + r.Name + "\x00" + strings.Join(unquote(r.Spec), "\x00")
}

func sameRule(a, b Rule) bool { return a.key() == b.key() }

// unquote splits a rule into words as iptables-restore(8) does: blanks
// separate, double quotes keep together, and inside them a backslash takes the
// next byte as it is.
func unquote(s string) (words []string) {
	var word []byte
	in, quoted := false, false // inside a word; inside quotes
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\' && i+1 < len(s):
			i++
			word = append(word, s[i])
		case c == '"':
			in, quoted = true, !quoted
		case !quoted && (c == ' ' || c == '\t' || c == '\n'):
			if in {
				words = append(words, string(word))
			}
			word, in = word[:0], false
		default:
			word, in = append(word, c), true
		}
	}
	if in {
		words = append(words, string(word))
	}
	return words
}

// quote writes a word so that a shell, iptables-restore(8) and unquote all read
// it as it was.
func quote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=,./-") == "" {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(s) + `"`
}
