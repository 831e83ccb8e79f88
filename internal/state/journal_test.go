package state_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

var kinds = plan.Kinds{"leave": &plan.Leave{}, "sysctl-set": &plan.SysctlSet{}}

func step(why string) plan.Step { return &plan.Leave{Why: why} }

func steps(whys ...string) (all []plan.Step) {
	for _, why := range whys {
		all = append(all, step(why))
	}
	return all
}

func journal(t hosttest.TB, d state.Dirs) *state.Journal {
	t.Helper()
	j, err := d.ReadJournal("host", kinds)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return j
}

// holds wants a journal, as it is and as it is read again, to hold these steps,
// so many of them settled.
func holds(t hosttest.TB, d state.Dirs, j *state.Journal, settled int, whys ...string) {
	t.Helper()
	for which, j := range map[string]*state.Journal{"here": j, "on disk": journal(t, d)} {
		var have []string
		for _, s := range j.Steps() {
			have = append(have, s.(*plan.Leave).Why)
		}
		if !slices.Equal(have, whys) || j.Settled() != settled {
			t.Fatalf("%s the journal holds %q, %d settled; not %q, %d", which, have, j.Settled(), whys, settled)
		}
	}
}

func must(t hosttest.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatalf("%v", err)
	}
}

func file(d state.Dirs) string { return filepath.Join(d.Run, "journal", "host.jsonl") }

func TestAJournalIsForAProgramAndForAPerson(t *testing.T) {
	t.Parallel()
	d := folders(t)
	j := journal(t, d)
	holds(t, d, j, 0)
	must(t, j.Append(step("a <&> b")), j.Append(&plan.SysctlSet{Key: "net.ipv4.ip_forward", Value: "0", If: "1"}), j.Done())
	want := `{"journal":1}
{"kind":"leave","cmd":"# a <&> b","args":{"why":"a \u003c\u0026\u003e b"}}
{"kind":"sysctl-set","cmd":"test \"$(sysctl -n net.ipv4.ip_forward)\" != 1 || sysctl -qw net.ipv4.ip_forward=0","args":{"key":"net.ipv4.ip_forward","value":"0","if":"1"}}
{"done":true}
`
	if text := content(t, file(d)); text != want {
		t.Errorf("it says\n%s\nnot\n%s", text, want)
	}
}

func TestAJournalKnowsWhatIsSettled(t *testing.T) {
	t.Parallel()
	d := folders(t)
	j := journal(t, d)
	must(t, j.Append(step("a")), j.Append(step("b")))
	holds(t, d, j, 0, "a", "b")
	must(t, j.Done())
	holds(t, d, j, 2, "a", "b")
	must(t, j.Append(step("c")))
	holds(t, d, j, 2, "a", "b", "c")
	must(t, journal(t, d).Append(step("d"))) // by another process
	holds(t, d, journal(t, d), 2, "a", "b", "c", "d")
	must(t, journal(t, d).Done())
	holds(t, d, journal(t, d), 4, "a", "b", "c", "d")
}

// What a repair could not take back must not drag down what stood before it.
func TestStepsThatFailedDoNotUnsettleOlderOnes(t *testing.T) {
	t.Parallel()
	d := folders(t)
	j := journal(t, d)
	must(t, j.Append(step("a")), j.Append(step("b")), j.Done())
	must(t, j.Append(step("c")), j.Append(step("d")), j.Keep(2, steps("c")))
	holds(t, d, j, 2, "a", "b", "c")
	must(t, j.Keep(2, nil))
	holds(t, d, j, 2, "a", "b")
	must(t, j.Keep(0, steps("b")))
	holds(t, d, j, 0, "b")
}

func TestAnEmptyJournalIsNoFile(t *testing.T) {
	t.Parallel()
	d := folders(t)
	lock(t, d)
	j := journal(t, d)
	must(t, j.Append(step("a")))
	if !d.HasJournal("host") {
		t.Error("no journal after the first step")
	}
	for range 2 {
		must(t, j.Keep(0, nil))
		holds(t, d, j, 0)
	}
	if _, err := os.Stat(file(d)); !os.IsNotExist(err) || d.HasJournal("host") {
		t.Errorf("there is a file: %v", err)
	}
	must(t, j.Append(step("b")))
	holds(t, d, j, 0, "b")
}

func TestJournalsAreListedByOwner(t *testing.T) {
	t.Parallel()
	d := folders(t)
	h := lock(t, d)
	for _, owner := range []string{"host", "net-1", "ctr-1"} {
		j, err := h.Journal(owner, kinds)
		must(t, err)
		must(t, j.Append(step(owner)))
	}
	write(t, filepath.Join(d.Run, "journal", ".host.jsonl123"), "left by a crash in the middle of a replacement")
	owners, err := h.Journals()
	if slices.Sort(owners); err != nil || !slices.Equal(owners, []string{"ctr-1", "host", "net-1"}) {
		t.Errorf("%q, %v", owners, err)
	}
}

func TestAStepOfNoKindIsNotWritten(t *testing.T) {
	t.Parallel()
	d := folders(t)
	j, err := d.ReadJournal("host", plan.Kinds{})
	must(t, err)
	if err := j.Append(step("a")); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(file(d)); !os.IsNotExist(err) {
		t.Errorf("there is a file: %v", err)
	}
}

// Whatever is done to a journal, another process reads what this one knows.
func TestJournalsOnDiskAreAsInMemory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		d := state.Dirs{Root: fmt.Sprintf("%s/%d/root", dir, n), Run: fmt.Sprintf("%s/%d/run", dir, n)}
		must(t, d.Make())
		j := journal(t, d)
		var want []string
		settled := 0
		text := rapid.StringMatching(`[a-z<&'"\n]{0,8}`)
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { holds(t, d, j, settled, want...) },
			"append": func(t *rapid.T) {
				want = append(want, text.Draw(t, "why"))
				must(t, j.Append(step(want[len(want)-1])))
			},
			"done": func(t *rapid.T) {
				if len(want) > 0 {
					must(t, j.Done())
					settled = len(want)
				}
			},
			"keep": func(t *rapid.T) {
				mark := rapid.IntRange(0, len(want)).Draw(t, "mark")
				failed := rapid.SliceOfN(text, 0, 3).Draw(t, "failed")
				must(t, j.Keep(mark, steps(failed...)))
				want = append(want[:mark:mark], failed...)
				settled = min(settled, mark)
			},
			"tear": func(t *rapid.T) {
				f, err := os.OpenFile(file(d), os.O_WRONLY|os.O_APPEND, 0)
				if err != nil {
					t.Skip("no file")
				}
				_, err = f.WriteString(`{"kind":"le`)
				must(t, err, f.Close())
			},
			"reopen": func(t *rapid.T) { j = journal(t, d) },
		})
	})
}

// Other steps that take back the same come in the place of all, complete.
func TestAJournalIsRewritten(t *testing.T) {
	t.Parallel()
	d := folders(t)
	j := journal(t, d)
	must(t, j.Append(step("a")), j.Append(step("b")), j.Done(), j.Append(step("c")))
	must(t, j.Rewrite(steps("x", "y")))
	holds(t, d, j, 2, "x", "y")
	must(t, j.Append(step("z")))
	holds(t, d, j, 2, "x", "y", "z")
	must(t, j.Rewrite(nil))
	holds(t, d, j, 0)
}
