package main_test

import (
	"regexp"
	"strings"
)

// asOurs is a command of Docker's as minibridge has it: there is no image, the
// container sees the files that Docker's was made of.
func asOurs(command string) string {
	command = dockerWord.ReplaceAllString(command, "${1}minibridge")
	return imageWord.ReplaceAllString(command, "${1}--rootfs /run/busybox$2")
}

var (
	dockerWord = regexp.MustCompile(`(^|[\s(|;])docker\b`)
	imageWord  = regexp.MustCompile(`(\s)busybox(\s|$|;|\))`)
)

// settled gives a name to what is different each time.
func (a answer) settled(command string) answer {
	name := func(text string) string {
		for _, v := range varying {
			text = v.pattern.ReplaceAllString(text, v.name)
		}
		text = hardware.ReplaceAllStringFunc(text, func(mac string) string {
			if strings.Contains(command, mac) {
				return mac
			}
			return "MAC"
		})
		text = strings.ReplaceAll(text, ",inode64", "") // how a kernel was configured
		// What is as wide as the longest age.
		if aged.MatchString(text) {
			text = gap.ReplaceAllString(text, "   ")
		}
		return generated.ReplaceAllString(text, "${1}NAME")
	}
	return answer{name(a.out), name(a.err), a.code}
}

var (
	hardware  = regexp.MustCompile(`\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b`)
	generated = regexp.MustCompile(`((?:endpoint|netns exec) )[a-z]+_[a-z]+`)
	aged      = regexp.MustCompile(`\bAGE\b`)
	gap       = regexp.MustCompile(`   +`)
)

// bare takes off what is another in all answers: by what name a program is
// called, who speaks, and what it says to do next.
func (a answer) bare(program string) answer {
	if program == "docker" && !usage.MatchString(a.err) {
		a.err = trailer.ReplaceAllString(a.err, "\n")
	}
	for _, r := range framing[program] {
		a.out = r.pattern.ReplaceAllString(a.out, r.by)
		a.err = r.pattern.ReplaceAllString(a.err, r.by)
	}
	return a
}

var (
	usage   = regexp.MustCompile(`(?m)^Usage:  |unknown command`)
	trailer = regexp.MustCompile(`\n\nRun '[^']*' for more information\n`)
)

var framing = map[string][]struct {
	pattern *regexp.Regexp
	by      string
}{
	"docker": {
		{regexp.MustCompile(`(?m)^(docker: )?(Error response from daemon: |Error: )`), ""},
		{regexp.MustCompile(`(?m)^docker: `), ""},
		{regexp.MustCompile(`(?m)^(Usage:  |Run '|See '|')docker`), "${1}minibridge"},
		{regexp.MustCompile(`failed to create shim task: OCI runtime create failed: runc create failed: `), ""},
		{regexp.MustCompile(`(?m)^((?:CONTAINER ID|ID12) +)(IMAGE|busybox) +`), "$1"},
		{regexp.MustCompile(`unknown command: docker`), "unknown command: minibridge"},
		{regexp.MustCompile(`IMAGE \[COMMAND\] \[ARG...\]`), "COMMAND [ARG...]"},
	},
	"minibridge": {
		{regexp.MustCompile(`(?m)^minibridge: `), ""},
		{regexp.MustCompile(`(?m)^try: .*\n`), ""},
	},
}
