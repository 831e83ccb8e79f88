package nat

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAModuleOfSCTPIsFoundByItsFile(t *testing.T) {
	t.Parallel()
	for listed, want := range map[string]bool{
		"kernel/net/sctp/sctp.ko: kernel/lib/libcrc32c.ko\n":                                                 true,
		"kernel/fs/fuse/fuse.ko.zst:\nkernel/net/sctp/sctp.ko.zst: kernel/lib/libcrc32c.ko.zst\n":            true,
		"kernel/net/sctp/sctp_diag.ko.xz: kernel/net/sctp/sctp.ko.xz\nkernel/net/netfilter/xt_sctp.ko.xz:\n": false,
		"": false,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "modules.dep"), []byte(listed), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := moduleSCTP(dir); got != want || err != nil {
			t.Errorf("among %q: %v, %v", listed, got, err)
		}
	}
	if got, err := moduleSCTP(t.TempDir()); got || err != nil {
		t.Errorf("without modules: %v, %v", got, err)
	}
}
