package sandbox_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

// callerEnv makes the test binary a program that starts a sandbox; its value is
// the command's user.
const callerEnv = "SANDBOX_TEST_CALLER"

func TestMain(m *testing.M) {
	sandbox.Init()
	if user, ok := os.LookupEnv(callerEnv); ok {
		os.Exit(caller(user))
	}
	if os.Args[0] == "/proc/self/exe" {
		overwriteSelf()
	}
	if _, ok := os.LookupEnv(usernsEnv); ok {
		tryUserns()
	}
	if _, ok := os.LookupEnv(reachEnv); ok {
		reach()
	}
	hosttest.Main(m)
}

// overwriteSelf is what a hostile script that begins with #!/proc/self/exe
// does with the program that it gets hold of. It does not end by os.Exit, which
// complains on stderr where a program is built for coverage but told no place.
func overwriteSelf() {
	_, err := unix.Open("/proc/self/exe", unix.O_WRONLY|unix.O_TRUNC, 0)
	fmt.Println(err)
	unix.Exit(0)
}

// caller starts a sandbox, names its process, and waits.
func caller(user string) int {
	c := config("sleep", "1000")
	c.User = user
	c.Root.Layers = "/run/layers/caller"
	p, err := sandbox.Start(c)
	if err == nil {
		err = p.Go(context.Background(), nil)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(p.Pid, p.Start)
	code, _ := p.Wait()
	return code
}
