package engine_test

import (
	"testing"
	"time"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/state"
)

func TestWhichEndsArePolicysBeginnings(t *testing.T) {
	for _, tt := range []struct {
		policy         state.Restart
		code, restarts int
		again          bool
	}{
		{state.Restart{}, 1, 0, false},
		{state.Restart{Policy: "no"}, 1, 0, false},
		{state.Restart{Policy: "always"}, 0, 1000, true},
		{state.Restart{Policy: "unless-stopped"}, 137, 0, true},
		{state.Restart{Policy: "on-failure"}, 0, 0, false},
		{state.Restart{Policy: "on-failure"}, 1, 1000, true},
		{state.Restart{Policy: "on-failure", Retries: 2}, 1, 1, true},
		{state.Restart{Policy: "on-failure", Retries: 2}, 1, 2, false},
	} {
		if got := engine.WantsAgain(tt.policy, tt.code, tt.restarts); got != tt.again {
			t.Errorf("%+v after code %d, restarted %d times: %v", tt.policy, tt.code, tt.restarts, got)
		}
	}
}

// A container that can't live rests twice as long each time, up to a minute;
// one that has lived for ten seconds is as new.
func TestBackoff(t *testing.T) {
	const ms = time.Millisecond
	var backoff time.Duration
	for _, want := range []time.Duration{100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000} {
		if backoff = engine.NextBackoff(backoff, 10*time.Second-1); backoff != want*ms {
			t.Fatalf("it rests for %v, not %v", backoff, want*ms)
		}
	}
	if backoff = engine.NextBackoff(backoff, 10*time.Second); backoff != 100*ms {
		t.Errorf("after a long run it rests for %v", backoff)
	}
}
