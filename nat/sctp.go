package nat

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"
)

// LoadSCTP is how to get SCTP where it is a module. The first socket loads it,
// unless the distribution forbids that, as some do; [Reserve] fails with
// [unix.EPROTONOSUPPORT] then, as where there is no such module.
const LoadSCTP = "modprobe sctp"

// HasSCTP says whether the kernel has SCTP, or else whether there is a module
// with it. A socket would tell as well, and load that.
func HasSCTP() (has, module bool, err error) {
	known, err := os.ReadFile("/proc/net/protocols")
	if err != nil || protocolSCTP.Match(known) {
		return err == nil, false, err
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return false, false, err
	}
	module, err = moduleSCTP(filepath.Join("/lib/modules", unix.ByteSliceToString(u.Release[:])))
	return false, module, err
}

var (
	protocolSCTP = regexp.MustCompile(`(?m)^SCTP\s`)
	fileSCTP     = regexp.MustCompile(`(?m)^(\S*/)?sctp\.ko(\.\w+)?:`)
)

// moduleSCTP looks among the modules of a kernel (modules.dep(5)).
func moduleSCTP(dir string) (bool, error) {
	modules, err := os.ReadFile(filepath.Join(dir, "modules.dep"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // a kernel without modules, or a container
	}
	return fileSCTP.Match(modules), err
}
