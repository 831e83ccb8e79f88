package engine

import "github.com/minibridge/minibridge/sandbox"

// Init comes first in main: in a process that the program started of itself, to
// be PID 1 of a container, its supervisor, or to try things apart, it does not
// return.
func Init() {
	sandbox.Init()
	superviseInit()
	checkInit()
}
