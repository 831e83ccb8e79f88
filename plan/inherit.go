package plan

import (
	"os"
	"slices"
	"sync"
)

// inherited are open files that the programs which steps run hold open, too.
var inherited struct {
	sync.Mutex
	files []*os.File
}

// Inherit makes the programs that steps run (iptables-restore) hold a file open
// as long as they run, until release is called: a lock on it then tells when
// the last of them has ended, whatever has become of who ran it (flock(2)).
func Inherit(f *os.File) (release func()) {
	inherited.Lock()
	defer inherited.Unlock()
	inherited.files = append(inherited.files, f)
	return func() {
		inherited.Lock()
		defer inherited.Unlock()
		inherited.files = slices.DeleteFunc(inherited.files, func(o *os.File) bool { return o == f })
	}
}

// Inherited are these files, as [os/exec.Cmd] takes them.
func Inherited() []*os.File {
	inherited.Lock()
	defer inherited.Unlock()
	return slices.Clone(inherited.files)
}
