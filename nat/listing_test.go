package nat

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnquote(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		``:                                      nil,
		`  `:                                    nil,
		`a b`:                                   {"a", "b"},
		`-m comment --comment "two words" -j X`: {"-m", "comment", "--comment", "two words", "-j", "X"},
		`--comment "say \"hi\" \\ there"`:       {"--comment", `say "hi" \ there`},
		`--comment ""`:                          {"--comment", ""},
		`--comment minibridge:a:b`:              {"--comment", "minibridge:a:b"},
		`--comment "minibridge:a:b"`:            {"--comment", "minibridge:a:b"},
		`--log-prefix "unterminated`:            {"--log-prefix", "unterminated"},
	} {
		if d := cmp.Diff(want, unquote(line)); d != "" {
			t.Errorf("unquote(%q): %s", line, d)
		}
	}
}

func FuzzUnquote(f *testing.F) {
	f.Add(`-m comment --comment "a \" b" -j X`, "word")
	f.Fuzz(func(t *testing.T, line, word string) {
		unquote(line)
		if got := unquote("a " + quote(word) + " b"); len(got) != 3 || got[1] != word {
			t.Errorf("%q is quoted as %s and read as %q", word, quote(word), got)
		}
	})
}

func TestUnreadableTableIsNotAnEmptyOne(t *testing.T) {
	t.Parallel()
	if _, err := parseListing("# Table `nat' is incompatible, use 'nft' tool.\n"); err == nil || !strings.Contains(err.Error(), "nat") {
		t.Errorf("error: %v", err)
	}
	if _, err := parseListing("# Table `foo' is incompatible, use 'nft' tool.\n*nat\n:MINIBRIDGE - [0:0]\nCOMMIT\n"); err != nil {
		t.Errorf("a table that is none of ours: %v", err)
	}
}

// A comment may have line ends in it, and what looks like a rule of ours behind
// them; a name a quote in its middle, which iptables-save(8) leaves as it is.
func TestALineEndInACommentEndsNoRule(t *testing.T) {
	t.Parallel()
	const save = "*filter\n:MINIBRIDGE - [0:0]\n:a\"b - [0:0]\n" +
		"-A FORWARD -j a\"b\n" +
		"-A FORWARD -m comment --comment \"x \\\"\n-A MINIBRIDGE -j DROP\nCOMMIT\" -j ACCEPT\n" +
		"-A FORWARD -j LOG\nCOMMIT\n"
	have, err := parseListing(save)
	if err != nil {
		t.Fatal(err)
	}
	forward := Chain{"filter", "FORWARD"}
	want := []Rule{{Chain: forward, Spec: `-j a"b`},
		{Chain: forward, Spec: "-m comment --comment \"x \\\"\n-A MINIBRIDGE -j DROP\nCOMMIT\" -j ACCEPT"},
		{Chain: forward, Spec: "-j LOG"}}
	if d := cmp.Diff(want, have.rules); d != "" {
		t.Error(d)
	}
	if _, err := parseListing("*filter\n-A FORWARD -m comment --comment \"x\n"); err == nil {
		t.Error("half a rule is no error")
	}
}

// A listing with some rules of a chain gone, as after somebody's iptables -D.
const partial = `*filter
:FORWARD ACCEPT [0:0]
:MINIBRIDGE - [0:0]
-A FORWARD -j STRANGER
-A MINIBRIDGE -m comment --comment "minibridge:b:1" -j ACCEPT
-A MINIBRIDGE -j LOG
COMMIT
`

func TestMissingRulesComeBackInTheirPlace(t *testing.T) {
	t.Parallel()
	have, err := parseListing(partial)
	if err != nil {
		t.Fatal(err)
	}
	var b batch
	b.id = "1"
	b.Chains = []Chain{into}
	for _, what := range []string{"a", "b", "c"} {
		b.add(into, what, "", "ACCEPT")
	}
	want := []string{
		`iptables -t filter -D MINIBRIDGE -m comment --comment "minibridge:b:1" -j ACCEPT`,
		`iptables -t filter -A MINIBRIDGE -m comment --comment "minibridge:a:1" -j ACCEPT`,
		`iptables -t filter -A MINIBRIDGE -m comment --comment "minibridge:b:1" -j ACCEPT`,
		`iptables -t filter -A MINIBRIDGE -m comment --comment "minibridge:c:1" -j ACCEPT`,
	}
	if d := cmp.Diff(strings.Join(want, "\n"), text(IPv4, b.commands(have))); d != "" {
		t.Error(d)
	}
}

func TestAStrangersRuleKeepsItsChain(t *testing.T) {
	t.Parallel()
	have, err := parseListing(partial)
	if err != nil {
		t.Fatal(err)
	}
	del := &RulesDel{Chains: []Chain{into}}
	cmds, err := del.commands(have)
	if want := "iptables -t filter -A MINIBRIDGE -j LOG"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v does not name %s", err, want)
	}
	const want = `iptables -t filter -D MINIBRIDGE -m comment --comment "minibridge:b:1" -j ACCEPT`
	if d := cmp.Diff(want, text(IPv4, cmds)); d != "" {
		t.Error(d)
	}
}

func TestEveryCopyOfARuleGoes(t *testing.T) {
	t.Parallel()
	rule := Rule{Chain: dnat, Spec: "-j ACCEPT"}
	have, err := parseListing("*nat\n:MINIBRIDGE - [0:0]\n-A MINIBRIDGE -j ACCEPT\n-A MINIBRIDGE -j ACCEPT\nCOMMIT\n")
	if err != nil {
		t.Fatal(err)
	}
	cmds, err := (&RulesDel{Rules: []Rule{rule}}).commands(have)
	if err != nil || len(cmds) != 2 {
		t.Errorf("%d deletions, %v; want 2", len(cmds), err)
	}
	if cmds := (&Rules{Rules: []Rule{rule}}).commands(have); cmds != nil {
		t.Errorf("two copies are as good as one, but: %v", cmds)
	}
}
