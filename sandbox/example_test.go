package sandbox_test

import (
	"context"
	"fmt"
	"os"

	"github.com/minibridge/minibridge/sandbox"
)

// A command among the host's files, with a name and processes of its own. What
// it writes is gone with the directory of layers, which is on a tmpfs: the
// files of a container can't lie inside those that they cover.
func Example() {
	// sandbox.Init() is the first line of main.
	layers, err := os.MkdirTemp("/dev/shm", "sandbox")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(layers)
	p, err := sandbox.Start(sandbox.Config{
		Command: sandbox.Command{
			Args:   []string{"sh", "-c", "echo I am process $$ on $(hostname); echo x >/etc/written; exit 7"},
			Env:    []string{"PATH=/usr/bin:/bin"},
			Stdout: os.Stdout,
		},
		Root:     sandbox.Root{Layers: layers},
		Hostname: "box",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// Here is the time to set up a network namespace, to be given to Go.
	if err := p.Go(context.Background(), nil); err != nil {
		fmt.Println(err)
		return
	}
	code, err := p.Wait()
	fmt.Println("exit code", code, err)
	// Output:
	// I am process 1 on box
	// exit code 7 <nil>
}
