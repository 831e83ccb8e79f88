package hosttest

import (
	"os"
	"os/exec"
	"testing"
)

// UseIptables makes one variant of iptables(8), "nft" or "legacy", the test's:
// dir, first in PATH, has its programs under the names that all go by.
func UseIptables(t *testing.T, variant string) (dir string) {
	t.Helper()
	program, err := exec.LookPath("xtables-" + variant + "-multi")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for _, family := range []string{"iptables", "ip6tables"} {
		for _, tool := range []string{"", "-save", "-restore"} {
			if err := os.Symlink(program, dir+"/"+family+tool); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return dir
}
