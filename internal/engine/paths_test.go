package engine_test

import (
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// Who looks at a file system that doesn't answer keeps nobody else waiting, and
// can leave.
func TestPathsOnADeadFileSystem(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "mkdir /run/dead; minibridge run --rm true")
		before := quiet(t, m)
		for _, command := range []string{
			"run -v /run/dead:/mnt true",
			"run -v /run/dead/below:/mnt true",
			"run --mount type=bind,src=/run/dead,dst=/mnt true",
			"run --rootfs /run/dead true",
			"run --cidfile /run/dead/id true",
			"create -v /run/dead:/mnt true",
			"--dry-run run -v /run/dead:/mnt true",
			"--dry-run create --rootfs /run/dead true",
		} {
			dead := hosttest.NewDeadFS(t, "/run/dead")
			defer dead.End()
			cmd := program(strings.Fields(command)...)
			start(t, cmd)
			dead.Wait(t)
			m.Sh(t, "minibridge run --rm true")
			if got := interrupted(cmd); got != 130 {
				t.Errorf("%s: exit code %d", command, got)
			}
			dead.End()
			m.Sh(t, "umount /run/dead")
			if after := quiet(t, m); after != before {
				t.Errorf("after %s there is:\n%s", command, hosttest.Diff(before, after))
			}
			if files := left(t); len(files) > 0 {
				t.Errorf("after %s there is: %q", command, files)
			}
		}
	})
}
