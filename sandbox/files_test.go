package sandbox_test

import (
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// What a sandbox has put in the place of its own files, or of their directory,
// doesn't keep it from being started again, and leads nowhere else.
func TestFilesInTheWay(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		root := linkedRoot(t, m)
		m.Sh(t, "touch "+root+"/etc/hosts; mkdir -p /run/secret/keep; echo untouched >/run/secret/hosts; find /run/secret "+root+" | sort >/run/before")
		for dir, ways := range map[string][]string{
			root: {
				"rm /etc/hosts; mkdir -p /etc/hosts/a/b; touch /etc/hosts/a/f; ln -s /run/secret /etc/hosts/link",
				"rm /etc/hosts; ln -s /run/secret/hosts /etc/hosts", "rm /etc/hosts; ln -s ../../../../../../run/secret /etc/hosts",
				"rm -r /etc; ln -s /nowhere /etc", "rm -r /etc; ln -s ../../../../run/secret /etc", "rm -r /etc; ln -s insys /etc", "rm -r /etc; ln -s kernel /etc", "rm -r /etc; ln -s etc /etc",
				"rm -r /etc; touch /etc", "rm -r /etc; touch /file; ln -s file /etc", "rm -r /etc",
			},
			"": {"rm /etc/hosts; mkdir -p /etc/hosts/a/b", "mv /etc /etc2; ln -s /no/where /etc", "mv /etc /etc2; ln -s etc2 /etc", "rm -r /etc; touch /etc"},
		} {
			for _, way := range ways {
				c := shell(way)
				c.Root.Dir, c.Root.Layers = dir, layers(t)
				c.Files = map[string]string{"/etc/hosts": "its own"}
				run(t, c)
				c.Args[2] = "cat /etc/hosts"
				equal(t, way, run(t, c), "its own")
			}
		}
		equal(t, "the host's", m.Sh(t, "find /run/secret "+root+" | sort | diff /run/before -; cat /run/secret/hosts"), "untouched")
	})
}
