package nat

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// known is what iptables-save(8) and ip6tables-save(8) say in one generation.
// In a file it is text as theirs, so that a person can read it.
type known struct {
	at       generation
	listings map[Family]*listing
}

// readKnown takes from a file what it says of a generation. That is nothing
// when it is of another one, or when anything is wrong with the file: then the
// kernel is asked.
func readKnown(file string, now generation) known {
	none := known{at: now}
	text, ok := strings.CutPrefix(readText(file), fmt.Sprintf("# %s\n", now))
	if !ok {
		return none
	}
	k := known{now, map[Family]*listing{}}
	for text != "" {
		var f Family
		var size int
		head, rest, _ := strings.Cut(text, "\n")
		if _, err := fmt.Sscanf(head, listingHead, (*string)(&f), &size); err != nil || size < 0 || size > len(rest) {
			return none
		}
		l, err := parseListing(rest[:size])
		if err != nil {
			return none
		}
		k.listings[f], text = l, rest[size:]
	}
	return k
}

// readText is what stands in a file, "" when nothing can be read. A FIFO in its
// place would keep who opens it waiting for ever (fifo(7)).
func readText(file string) string {
	f, err := os.OpenFile(file, unix.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	b, _ := io.ReadAll(f)
	return string(b)
}

// listingHead stands before a family's listing: a comment can have anything in
// it, so nothing else says where that ends.
const listingHead = "# Of family %q, %d bytes:"

// write leaves the file as it is when that fails: what it says of an earlier
// generation is still true, and no harm.
func (k known) write(file string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", k.at)
	for _, f := range slices.Sorted(maps.Keys(k.listings)) {
		text := k.listings[f].String()
		fmt.Fprintf(&b, listingHead+"\n%s", f, len(text), text)
	}
	return renameio.WriteFile(file, []byte(b.String()), 0o600, renameio.WithTempDir(filepath.Dir(file)))
}
