package bridge_test

import (
	"os"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/plan"
)

// The chapter shows the plans as they are.
func TestChapter(t *testing.T) {
	text, err := os.ReadFile("../docs/bridge.md")
	if err != nil {
		t.Fatal(err)
	}
	both, _, _ := dual(t)
	for name, p := range map[string]plan.Plan{
		"network": network(t).Plan(), "network of both families": both.Plan(),
		"loopback": bridge.Loopback("web"), "endpoint": endpoint(t).Plan(), "way": way().Plan(),
	} {
		if want := "<!-- " + name + " -->\n```sh\n" + p.String() + "```\n"; !strings.Contains(string(text), want) {
			t.Errorf("docs/bridge.md has not:\n%s", want)
		}
	}
}
