package nat

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

// firsts are plans of each kind.
func firsts(b Backend) []plan.Plan {
	lab := Network{ID: "5f0c1b2a3d4e", Bridge: "lo", Subnet: netip.MustParsePrefix("172.18.0.0/16")}
	return []plan.Plan{
		b.Host(),
		b.Network(lab),
		b.Publish(Publish{ID: "c0ffee123456", Bridge: lab.Bridge, Target: netip.MustParseAddr("172.18.0.2"),
			Mappings: []Mapping{{HostPort: 8080, Port: 80, Count: 1, Proto: "tcp"}}}),
	}
}

func TestAProcessNeedNotListWhatAnotherKnows(t *testing.T) {
	for _, v := range []Variant{NFT, Legacy} {
		t.Run(string(v), func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				calls := counted(t, v)
				m.Sh(t, "iptables -N THEIRS") // of no table at all iptables-save doesn't say which it is
				file := t.TempDir() + "/rules"
				journal := &plan.Memory{}
				process := func(i int) func() error {
					return func() error {
						e := &plan.Executor{Journal: journal}
						return e.Up(t.Context(), firsts(IptablesKnowing(file))[i])
					}
				}
				sh := func(script string) func() error {
					return func() error { m.Sh(t, script); return nil }
				}
				for _, step := range []struct {
					name string
					do   func() error
					want int // listings
				}{
					{"the first", process(0), 1},
					{"the same again", process(0), 0},
					{"a network", process(1), 0},
					{"a port", process(2), 0},
					{"somebody's rule", sh("iptables -A FORWARD -p tcp --dport 22 -j ACCEPT"), 0},
					{"after it", process(0), 1},
					{"and after that", process(0), 0},
					{"one of ours is deleted", sh("iptables -D FORWARD -m comment --comment minibridge:jump:host -j MINIBRIDGE-FORWARD"), 0},
					{"it comes back", process(0), 1},
					{"it is there", process(0), 0},
					{"what it left is lost in part", func() error { return os.WriteFile(file, head(file, 1000), 0o600) }, 0},
					{"after that", process(0), 1},
					{"an undo from a journal", func() error {
						undo := *journal.Steps()[len(journal.Steps())-1].(*RulesDel)
						undo.look = nil
						IptablesKnowing(file).Adopt(&undo)
						return undo.Apply()
					}, 0},
					{"a process behind it", process(0), 0},
				} {
					if err := step.do(); err != nil {
						t.Fatalf("%s: %v", step.name, err)
					}
					got, want := calls(), step.want
					if v == Legacy {
						want = min(got, 1) // its rules have no generation
					}
					if got != want {
						t.Errorf("%s: %d listings, not %d", step.name, got, want)
					}
				}
			})
		})
	}
}

// head is the first bytes of a file, if there is one.
func head(file string, size int) []byte {
	b, _ := os.ReadFile(file)
	return b[:min(size, len(b))]
}

// counted makes a variant the test's. It returns how often iptables-save was
// called since the last time that was asked.
func counted(t *testing.T, v Variant) (calls func() int) {
	t.Helper()
	dir := hosttest.UseIptables(t, string(v))
	save := dir + "/iptables-save"
	program, err := os.Readlink(save)
	if err == nil {
		err = os.Remove(save)
	}
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\necho >>%s/calls\nexec %s iptables-save\n", dir, program)
	if err := os.WriteFile(save, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return func() int {
		b, _ := os.ReadFile(dir + "/calls")
		os.Remove(dir + "/calls")
		return len(b)
	}
}

// Whatever we and others do: what the file says of the present is so.
func TestWhatIsKnownIsSo(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		file := t.TempDir() + "/rules"
		var journal plan.Memory
		theirs := 0
		sh := func(line string) { exec.Command("sh", "-c", line).Run() } // there may be nothing to delete
		rapid.Check(t, func(t *rapid.T) {
			e := &plan.Executor{Journal: &journal}
			switch rapid.SampledFrom([]string{"up", "up", "up", "down", "add", "insert", "delete", "ours", "meanwhile", "meanwhile"}).Draw(t, "what") {
			case "up":
				i := rapid.IntRange(0, 2).Draw(t, "plan")
				ps := firsts(IptablesKnowing(file))
				if err := e.Up(t.Context(), slices.Concat(ps[:i+1]...)); err != nil {
					t.Fatal(err)
				}
			case "down":
				mark := rapid.IntRange(0, len(journal.Steps())).Draw(t, "mark")
				if err := e.Down(mark); err != nil {
					t.Fatal(err)
				}
			case "meanwhile": // between our look and our change
				theirs++
				op := firsts(IptablesKnowing(file))[rapid.IntRange(0, 2).Draw(t, "plan")][0].Op
				if undo, err := op.Undo(); err == nil && undo != nil && journal.Append(undo) == nil {
					sh(fmt.Sprintf("iptables -A FORWARD -p udp --dport %d -j ACCEPT", theirs))
					op.Apply() // without the host's chains it can't
				}
			case "add":
				theirs++
				sh(fmt.Sprintf("iptables -A FORWARD -p tcp --dport %d -j ACCEPT", theirs))
			case "insert":
				theirs++
				sh(fmt.Sprintf("iptables -t nat -N THEIRS-%d; iptables -t nat -I PREROUTING -j THEIRS-%d", theirs, theirs))
			case "delete":
				sh("iptables -D FORWARD " + rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "rule"))
			case "ours":
				sh("iptables -F " + rapid.SampledFrom([]string{"MINIBRIDGE", "MINIBRIDGE-FORWARD"}).Draw(t, "chain"))
			}
			now, err := generationNow()
			if err != nil {
				t.Fatal(err)
			}
			have, err := list(IPv4)
			if err != nil {
				t.Fatal(err)
			}
			if l := readKnown(file, now).listings[IPv4]; l != nil {
				if d := cmp.Diff(arranged(have), arranged(l)); d != "" {
					t.Errorf("known (+) is not what is there (-):\n%s", d)
				}
			}
		})
	})
}

// arranged is a listing's rules by chain, in their order there. Built-in
// chains are there when iptables has looked at their table.
func arranged(l *listing) map[string][]string {
	all := map[string][]string{}
	for c := range maps.Keys(l.chains) {
		if slices.Contains(ourChains, c) {
			all[c.Table+" "+c.Name] = nil
		}
	}
	for _, r := range l.rules {
		at := r.Table + " " + r.Name
		all[at] = append(all[at], r.Spec)
	}
	return all
}

func TestAFIFOInThePlaceOfWhatIsKnownIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "rules")
	if err := unix.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan known, 1)
	go func() { read <- readKnown(file, generation{}) }()
	select {
	case k := <-read:
		if len(k.listings) > 0 {
			t.Errorf("something is known: %v", k)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it is waited for")
	}
}
