package engine

import (
	"context"
	"errors"
)

// ruleFindings tell whose rules somebody has flushed, or has put others before.
func (e *Engine) ruleFindings(ctx context.Context) []Finding {
	const what = "rules"
	if !e.dirs.HasJournal(hostOwner) {
		return nil // nothing is up
	}
	some, err := e.lackingNow()
	if err == nil && len(some) > 0 {
		some, err = e.lackingStill(ctx)
	}
	switch {
	case err != nil:
		return []Finding{{"bad", what, err.Error()}}
	case len(some) > 0:
		return []Finding{{"bad", what, "some are missing, or behind those of others: " + sum(some) + "; try: minibridge repair"}}
	}
	return []Finding{{"ok", what, "in place"}}
}

// lackingNow is lacking of all networks. Without the lock, some may be half way
// up or down.
func (e *Engine) lackingNow() ([]owned, error) {
	networks, err := e.dirs.Networks()
	if err != nil {
		return nil, err
	}
	return e.lacking(networks)
}

// lackingStill looks again when no verb is at work. What the last one may have
// left half done is left for the next one.
func (e *Engine) lackingStill(ctx context.Context) (some []owned, err error) {
	held, err := e.hold(ctx, "check")
	if err != nil {
		return nil, err
	}
	defer e.holding(false)
	defer func() { err = errors.Join(err, held.Unlock(!held.Crashed)) }()
	if !e.dirs.HasJournal(hostOwner) {
		return nil, nil // it was of an earlier boot
	}
	return e.lackingNow()
}
