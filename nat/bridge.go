package nat

import "fmt"

// CheckBridge refuses names that a kernel takes for a bridge and a firewall does
// not take for one: at the end of a name "+" stands for any ending in
// iptables(8), and "*" in nft(8); quotes and blanks come back from
// iptables-save(8) unquoted.
func CheckBridge(name string) error {
	for i, c := range []byte(name) {
		switch {
		case (c == '+' || c == '*') && i == len(name)-1, c <= ' ', c == '"', c == '\'', c == '\\', c > '~':
			return fmt.Errorf("bridge name %q: no rule can name it, as it has %q in it", name, c)
		}
	}
	return nil
}
