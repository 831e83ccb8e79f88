package engine

import (
	"time"

	"github.com/minibridge/minibridge/internal/state"
)

// checkRestart refuses policies that there are not, with Docker's texts.
func checkRestart(spec *Spec) error {
	const invalid = "invalid restart policy: "
	r := spec.Restart
	switch {
	case spec.AutoRemove && !r.None():
		return &Error{Text: "conflicting options: cannot specify both --restart and --rm", Code: malformed}
	case r.Policy == "" || r.Policy == state.RestartOnFailure && r.Retries >= 0:
		return nil
	case r.Policy == state.RestartOnFailure:
		return errorf(invalid + "maximum retry count cannot be negative")
	case r.Policy != state.RestartNo && r.Policy != state.RestartAlways && r.Policy != state.RestartUnlessStopped:
		return errorf(invalid+"unknown policy '%s'; use one of '%s', '%s', '%s', or '%s'", Printable(r.Policy),
			state.RestartNo, state.RestartAlways, state.RestartOnFailure, state.RestartUnlessStopped)
	case r.Retries < 0:
		return errorf(invalid + "maximum retry count can only be used with 'on-failure' and cannot be negative")
	case r.Retries > 0:
		return errorf(invalid + "maximum retry count can only be used with 'on-failure'")
	}
	return nil
}

// RestartPolicies are those that there are, for a person to choose from.
func RestartPolicies() []string {
	return []string{state.RestartNo, state.RestartAlways, state.RestartOnFailure, state.RestartUnlessStopped}
}

// wantsAgain says that a container whose command has ended with this code is to
// be started again, which its policy has done so often.
func wantsAgain(r state.Restart, code, restarts int) bool {
	switch r.Policy {
	case state.RestartAlways, state.RestartUnlessStopped:
		return true
	case state.RestartOnFailure:
		return code != 0 && (r.Retries == 0 || restarts < r.Retries)
	}
	return false
}

// A container rests longer each time, so that one which can't live keeps nobody
// busy; after a run that has lasted, as at first. Docker's times.
const (
	firstBackoff   = 100 * time.Millisecond
	longestBackoff = time.Minute
	lastingRun     = 10 * time.Second
)

// nextBackoff is how long a container rests after a run that took so long, and
// that it had rested so long for.
func nextBackoff(last, ran time.Duration) time.Duration {
	if last == 0 || ran >= lastingRun {
		return firstBackoff
	}
	return min(2*last, longestBackoff)
}
