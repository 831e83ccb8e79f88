package sandbox_test

import (
	"os"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

// What a person mounts on /sys or below wins over the kernel's.
func TestBindsOnSys(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		dir := tempDir(t)
		if err := os.WriteFile(dir+"/mine", nil, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, target := range []string{"/sys", "/sys/", "/sys/kernel"} {
			c := shell("ls " + target)
			c.Root.Layers = layers(t)
			c.Binds = []sandbox.Bind{{Source: dir, Target: target}}
			equal(t, target, run(t, c), "mine")
		}
	})
}
