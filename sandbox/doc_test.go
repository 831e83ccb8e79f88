package sandbox_test

import (
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// The chapter shows the ops as they are.
func TestChapter(t *testing.T) {
	var p plan.Plan
	p.Do(new(sandbox.NetnsDir), "where ip netns looks for names")
	p.Do(&sandbox.LayersMount{Dir: "/run/minibridge/layers"}, "room for what containers write, apart from the files that they see")
	p.Do(&sandbox.NetnsAdd{Name: "web", Pin: "/run/minibridge/netns/id"}, "an empty network: no link but lo, and that one down")
	if want := "<!-- host -->\n```sh\n" + p.String() + "```\n"; !strings.Contains(read(t, "../docs/sandbox.md"), want) {
		t.Errorf("docs/sandbox.md has not:\n%s", want)
	}
}

// The commands to try by hand make a sandbox indeed.
func TestByHand(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		_, text, _ := strings.Cut(read(t, "../docs/sandbox.md"), "## By hand")
		_, text, _ = strings.Cut(text, "```sh\n")
		script, _, _ := strings.Cut(text, "```")
		script = strings.Replace(script, "exec sh'", "echo $$ $(hostname); touch /new'", 1)
		equal(t, "inside", m.Sh(t, script), "1 box")
		equal(t, "the layer", m.Sh(t, "ls /mnt/upper"), "new")
	})
}
