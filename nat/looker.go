package nat

import "sync"

// A looker lists tables for the ops of a backend, and makes their changes.
// iptables-nft alone: what it has listed it knows, as long as the kernel says
// that nobody has changed anything; what it has changed itself it need not
// list again. A nil one lists each time.
type looker struct {
	file string // where the next process finds it; "" = nowhere
	mu   sync.Mutex
	known
	held map[Family]*listing // unless nil, what every look sees
}

// hold lets every look see the same, until release is called.
func (k *looker) hold() (release func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = map[Family]*listing{}
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.held = nil
	}
}

func (k *looker) list(f Family) (*listing, error) {
	if k == nil {
		return list(f)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if l := k.held[f]; l != nil {
		return l, nil
	}
	l, err := k.lookUp(f)
	if err == nil && k.held != nil {
		k.held[f] = l
	}
	return l, err
}

func (k *looker) lookUp(f Family) (*listing, error) {
	now, genErr := generationNow()
	if genErr == nil {
		k.recall(now)
		if l := k.listings[f]; l != nil {
			return l, nil
		}
	}
	l, err := list(f)
	if err != nil || genErr != nil || !l.nft {
		return l, err
	}
	if then, err := generationNow(); err == nil && then == now {
		k.note(now, f, l)
	}
	return l, nil
}

// restore makes changes in one call of iptables-restore(8) to what have says.
// That is one transaction a table: if the kernel counts any more, somebody
// else has changed something too.
func (k *looker) restore(f Family, have *listing, cmds []command) error {
	if len(cmds) == 0 {
		return nil
	}
	if k != nil {
		k.mu.Lock()
		defer k.mu.Unlock()
	}
	if err := restore(f, cmds); err != nil {
		return err
	}
	own.Add(uint32(tables(cmds)))
	if k == nil || k.listings[f] != have {
		return nil
	}
	if now, err := generationNow(); err == nil && now == k.at.after(tables(cmds)) {
		k.note(now, f, have.after(cmds))
	}
	return nil
}

// recall forgets what is known of another generation, unless the file knows
// of this one.
func (k *looker) recall(now generation) {
	if k.at == now {
		return
	}
	if k.known = (known{at: now}); k.file != "" {
		k.known = readKnown(k.file, now)
	}
}

// note keeps a listing, and with it the other family's, as no change to one
// is any to the other.
func (k *looker) note(now generation, f Family, l *listing) {
	k.at = now
	if k.listings == nil {
		k.listings = map[Family]*listing{}
	}
	k.listings[f] = l
	if k.file != "" {
		k.write(k.file) // else the next process lists
	}
}

// tables counts those that commands, sorted by table, are for.
func tables(cmds []command) (n int) {
	for i, c := range cmds {
		if i == 0 || cmds[i-1].table != c.table {
			n++
		}
	}
	return n
}
