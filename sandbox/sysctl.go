package sandbox

import (
	"os"
	"strings"
)

// setSysctls sets the parameters of the IPC namespace. It has to be while
// /proc is the host's: the sandbox's own /proc/sys can't be written.
func (o *order) setSysctls() error {
	for key, value := range o.Sysctls {
		if err := os.WriteFile("/proc/sys/"+strings.ReplaceAll(key, ".", "/"), []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}
