// Machine runs a command, or a shell, in a private machine: the real one's
// network is out of its reach, and all that it leaves is gone when it ends.
//
//	sudo go run ./hack/machine [--] [COMMAND [ARG...]]
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/minibridge/minibridge/internal/machine"
)

func main() {
	machine.Init()
	argv := os.Args[1:]
	if len(argv) > 0 && argv[0] == "--" {
		argv = argv[1:]
	}
	if len(argv) == 0 {
		argv = []string{shell()}
	}
	if os.Geteuid() != 0 {
		fail(errors.New("a private machine needs root; try: sudo " + os.Args[0]))
	}
	cmd := machine.Command(context.Background(), argv...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fail(err)
	}
}

func shell() string {
	if s := os.Getenv("SHELL"); s != "" {
		return s
	}
	return "/bin/sh"
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "machine:", err)
	os.Exit(125)
}
