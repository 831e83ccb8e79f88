package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
)

// agrees asks before something is lost, and takes anything but a yes for a no.
func agrees(w io.Writer, warning string) bool {
	fmt.Fprintf(w, "%s\nAre you sure you want to continue? [y/N] ", warning)
	answer, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	return strings.EqualFold(strings.TrimSpace(answer), "y")
}
