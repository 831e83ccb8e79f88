package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
)

// agrees asks before something is lost, and takes anything but a yes for a no.
// Who interrupts it agrees to nothing any more: that is the error.
func agrees(ctx context.Context, w io.Writer, warning string) (bool, error) {
	fmt.Fprintf(w, "%s\nAre you sure you want to continue? [y/N] ", warning)
	answers := make(chan string, 1)
	go func() {
		answer, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		answers <- answer
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(w)
		return false, context.Cause(ctx)
	case answer := <-answers:
		return strings.EqualFold(strings.TrimSpace(answer), "y"), context.Cause(ctx)
	}
}
