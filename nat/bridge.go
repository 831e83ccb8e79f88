package nat

import "fmt"

// CheckBridge refuses names that a kernel takes for a bridge and iptables(8)
// does not take for one: at the end of a name "+" stands for any ending, and
// quotes and blanks come back from iptables-save(8) unquoted.
func CheckBridge(name string) error {
	for i, c := range []byte(name) {
		switch {
		case c == '+' && i == len(name)-1, c <= ' ', c == '"', c == '\'', c == '\\', c > '~':
			return fmt.Errorf("bridge name %q: iptables can't name it, as it has %q in it", name, c)
		}
	}
	return nil
}
