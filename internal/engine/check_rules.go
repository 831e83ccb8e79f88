package engine

// ruleFindings tell whose rules somebody has flushed, or has put others before.
func (e *Engine) ruleFindings() []Finding {
	const what = "rules"
	if !e.dirs.HasJournal(hostOwner) {
		return nil // nothing is up
	}
	networks, err := e.dirs.Networks()
	if err != nil {
		return []Finding{{"bad", what, err.Error()}}
	}
	some, err := e.lacking(networks)
	switch {
	case err != nil:
		return []Finding{{"bad", what, err.Error()}}
	case len(some) > 0:
		return []Finding{{"bad", what, "some are missing, or behind those of others: " + sum(some) + "; try: minibridge repair"}}
	}
	return []Finding{{"ok", what, "in place"}}
}
