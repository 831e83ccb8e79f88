package nat

import (
	"os/exec"
	"path/filepath"
)

// adminDirs are where the tools are, which the PATH of su(1), of cron(8) and of
// others doesn't name.
var adminDirs = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

// A MissingToolError says that a program is not installed.
type MissingToolError struct{ Tool string }

func (e *MissingToolError) Error() string {
	return e.Tool + " is not installed: apt-get install " + e.Package()
}

// Package is Debian's that has it.
func (e *MissingToolError) Package() string {
	if e.Tool == "nft" {
		return "nftables"
	}
	return "iptables"
}

// FindTool finds one of the iptables tools, or nft(8); the error is a
// [MissingToolError].
func FindTool(tool string) (path string, err error) {
	if path, err = exec.LookPath(tool); err == nil {
		return path, nil
	}
	for _, dir := range adminDirs {
		if path, err = exec.LookPath(filepath.Join(dir, tool)); err == nil {
			return path, nil
		}
	}
	return "", &MissingToolError{tool}
}
