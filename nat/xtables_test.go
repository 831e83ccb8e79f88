package nat

import (
	"strings"
	"testing"
)

const input = "*nat\n-N MINIBRIDGE\n-A MINIBRIDGE -j DNAT\nCOMMIT\n"

func TestToolErrorSaysWhatAndWhere(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"iptables-restore: line 2 failed: Chain already exists.\n":                     "iptables-restore: line 2 failed: Chain already exists.: -N MINIBRIDGE",
		"iptables-restore: line 3 failed\n":                                            "iptables-restore: line 3 failed: -A MINIBRIDGE -j DNAT",
		"iptables-restore v1.8.9 (nf_tables): \nline 3: RULE_APPEND failed (EINVAL)\n": "iptables-restore: line 3: RULE_APPEND failed (EINVAL): -A MINIBRIDGE -j DNAT",
		"iptables-restore v1.8.9 (nf_tables): Could not fetch rule set generation id":  "iptables-restore: iptables-restore v1.8.9 (nf_tables): Could not fetch rule set generation id",
		"": "iptables-restore: exit status 4",
		"Another app is currently holding the xtables lock. Stopped waiting after 10s.\n": "iptables-restore: another program has held /run/xtables.lock for over 10 s; see: fuser -v /run/xtables.lock",
	} {
		err := &ToolError{Tool: "iptables-restore", Code: 4, Line: lineOf(input, said), Stderr: said}
		if err.Error() != want {
			t.Errorf("%q gives\n%s, want\n%s", said, err, want)
		}
	}
}

func TestBatchCommitsEachTableOnce(t *testing.T) {
	t.Parallel()
	got := batchText([]command{{"raw", "-N A"}, {"nat", "-N B"}, {"nat", "-N C"}})
	if want := "*raw\n-N A\nCOMMIT\n*nat\n-N B\n-N C\nCOMMIT\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzParseListing(f *testing.F) {
	f.Add(partial)
	f.Add("*nat\n:X - [0:0]\n-A X -m comment --comment \"a \\\" b\" -j Y\n# Table `raw' is incompatible, use 'nft' tool.\n")
	f.Fuzz(func(t *testing.T, save string) {
		l, err := parseListing(save)
		if err != nil {
			return
		}
		for _, r := range l.rules {
			if l.copies(r) == 0 || strings.ContainsRune(r.Spec, '\n') {
				t.Errorf("rule %+v of %q", r, save)
			}
		}
	})
}
