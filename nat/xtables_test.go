package nat

import (
	"errors"
	"strings"
	"testing"
)

func TestToolErrorSaysWhatAndWhere(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"iptables-restore: line 2 failed: Chain already exists.\n":                     "iptables-restore: line 2 failed: Chain already exists.",
		"iptables-restore: line 3 failed\n":                                            "iptables-restore: line 3 failed",
		"iptables-restore v1.8.9 (nf_tables): \nline 3: RULE_APPEND failed (EINVAL)\n": "iptables-restore: line 3: RULE_APPEND failed (EINVAL)",
		"iptables-restore v1.8.9 (nf_tables): Could not fetch rule set generation id":  "iptables-restore: Could not fetch rule set generation id",
		"iptables-restore v1.8.9 (legacy): Couldn't load match `nosuch':No such file or directory\n\nError occurred at line: 3\nTry `iptables-restore -h' or 'iptables-restore --help' for more information.\n": "iptables-restore: Couldn't load match `nosuch':No such file or directory",
		waiting + "iptables-restore: line 3 failed\n":                         "iptables-restore: line 3 failed",
		waiting + "iptables-restore v1.8.7 (legacy): Set a does not exist.\n": "iptables-restore: Set a does not exist.",
		waiting: "iptables-restore: signal: killed",
		"":      "iptables-restore: signal: killed",
	} {
		err := toolError("iptables-restore", "signal: killed", said)
		if err.Error() != want {
			t.Errorf("%q gives\n%s, want\n%s", said, err, want)
		}
	}
}

// waiting is what iptables-legacy says every ten seconds, until version 1.8.7,
// while it waits for the lock: what comes after that is another matter.
const waiting = "Another app is currently holding the xtables lock; still 20s 0us time ahead to have a chance to grab the lock...\n" +
	"Another app is currently holding the xtables lock; still 10s 0us time ahead to have a chance to grab the lock...\n"

func TestALockThatIsNotHadIsWhatTheToolSays(t *testing.T) {
	t.Parallel()
	const gaveUp = "Another app is currently holding the xtables lock. Stopped waiting after 30s.\n"
	for _, said := range []string{
		gaveUp,           // 1.8.4
		waiting + gaveUp, // 1.8.7
		"Can't lock /run/xtables.lock: Resource temporarily unavailable\n" + gaveUp, // 1.8.9, 1.8.11
	} {
		err := toolError("iptables-restore", "exit status 4", said)
		if locked, ok := errors.AsType[*LockedError](err); !ok || locked.Wait != "30" {
			t.Errorf("%q gives %v", said, err)
		}
	}
}

func TestEachLineOfABatchIsItsCommand(t *testing.T) {
	t.Parallel()
	cmds := []command{{"raw", "-N A"}, {"nat", "-N B"}, {"nat", "-N C"}}
	for i, line := range strings.Split(batchText(cmds), "\n") {
		c, found := commandAt(cmds, i+1)
		if found != strings.HasPrefix(line, "-N") || found && c.args != line {
			t.Errorf("line %d, %q: %v, %v", i+1, line, c, found)
		}
	}
	if c, found := commandAt(cmds, 0); found {
		t.Errorf("line 0: %v", c)
	}
}

func TestBatchCommitsEachTableOnce(t *testing.T) {
	t.Parallel()
	got := batchText([]command{{"raw", "-N A"}, {"nat", "-N B"}, {"nat", "-N C"}})
	if want := "*raw\n-N A\nCOMMIT\n*nat\n-N B\n-N C\nCOMMIT\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
