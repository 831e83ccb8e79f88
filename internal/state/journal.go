package state

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/minibridge/minibridge/plan"
)

// Journal is a [plan.Journal] in a file of JSON lines: a header, then undo
// records, each appended by one write; {"done":true} ends what is complete.
// It lies in the run folder, which a crash of the machine clears together
// with the kernel state it speaks of, so nothing is synced.
type Journal struct {
	file    string
	kinds   plan.Kinds
	steps   []plan.Step
	settled int   // this many steps stand before the last done line
	size    int64 // bytes of whole lines; what follows is a torn one
}

type journalLine struct {
	Version int `json:"journal,omitempty"`
	plan.Record
	Done bool `json:"done,omitempty"`
}

// journalVersion is the format's. Kinds are never renamed, so an old journal
// stays readable.
const journalVersion = 1

// Journal opens the journal of one plan's owner: "host", "net-ID", "ctr-ID",
// "ctr-ID.PART".
func (h *Held) Journal(owner string, kinds plan.Kinds) (*Journal, error) {
	return h.dirs.ReadJournal(owner, kinds)
}

// Journals lists the owners that have a journal.
func (h *Held) Journals() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(h.dirs.Run, "journal"))
	var owners []string
	for _, e := range entries {
		if owner, ok := strings.CutSuffix(e.Name(), ".jsonl"); ok {
			owners = append(owners, owner)
		}
	}
	return owners, err
}

// HasJournal says whether an owner has anything to take back.
func (d Dirs) HasJournal(owner string) bool {
	_, err := os.Stat(d.journalFile(owner))
	return err == nil
}

// DropJournal forgets what an owner had to take back: it has gone by itself.
func (h *Held) DropJournal(owner string) error {
	err := os.Remove(h.dirs.journalFile(owner))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// ReadJournal opens a journal for looking only.
func (d Dirs) ReadJournal(owner string, kinds plan.Kinds) (*Journal, error) {
	j := &Journal{file: d.journalFile(owner), kinds: kinds}
	b, err := readFile(j.file)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err != nil {
		return nil, err
	}
	return j, j.parse(b)
}

// parse takes a torn last line for an op that never ran: the record is
// written before the change is made.
func (j *Journal) parse(b []byte) error {
	whole := b[:bytes.LastIndexByte(b, '\n')+1]
	j.size = int64(len(whole))
	lines := bufio.NewScanner(bytes.NewReader(whole))
	lines.Buffer(nil, 1<<26)
	for n := 1; lines.Scan(); n++ {
		var line journalLine
		err := json.Unmarshal(lines.Bytes(), &line)
		switch {
		case err != nil:
		case n == 1 && line.Version != journalVersion:
			err = fmt.Errorf("journal version %d, this minibridge knows %d", line.Version, journalVersion)
		case n == 1:
		case line.Done:
			j.settled = len(j.steps)
		default:
			var step plan.Step
			if step, err = j.kinds.Decode(line.Record); err == nil {
				j.steps = append(j.steps, step)
			}
		}
		if err != nil {
			return &RecordError{File: j.file, Err: fmt.Errorf("line %d: %w", n, err)}
		}
	}
	return lines.Err()
}

// Steps implements [plan.Journal].
func (j *Journal) Steps() []plan.Step { return j.steps }

// Settled is how many steps are complete; what follows them was cut short.
func (j *Journal) Settled() int { return j.settled }

// Append implements [plan.Journal].
func (j *Journal) Append(undo plan.Step) error {
	record, err := j.kinds.Encode(undo)
	if err != nil {
		return err
	}
	lines := []journalLine{{Record: record}}
	if j.size == 0 {
		lines = append([]journalLine{{Version: journalVersion}}, lines...)
	}
	if err := j.write(lines...); err != nil {
		return err
	}
	j.steps = append(j.steps, undo)
	return nil
}

// Done implements [plan.Journal]. What is complete need not be said twice.
func (j *Journal) Done() error {
	if j.settled == len(j.steps) {
		return nil
	}
	j.settled = len(j.steps)
	return j.write(journalLine{Done: true})
}

// Rewrite replaces the steps, all of them complete, at once.
func (j *Journal) Rewrite(steps []plan.Step) error { return j.replace(steps, len(steps)) }

// Keep implements [plan.Journal]. An empty journal is no file.
func (j *Journal) Keep(mark int, failed []plan.Step) error {
	return j.replace(append(j.steps[:mark:mark], failed...), min(mark, j.settled))
}

func (j *Journal) replace(steps []plan.Step, settled int) error {
	if len(steps) == 0 {
		j.steps, j.settled, j.size = nil, 0, 0
		if err := os.Remove(j.file); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	lines := []journalLine{{Version: journalVersion}}
	for i, s := range steps {
		record, err := j.kinds.Encode(s)
		if err != nil {
			return err
		}
		lines = append(lines, journalLine{Record: record})
		if i == settled-1 {
			lines = append(lines, journalLine{Done: true})
		}
	}
	b, err := encode(lines)
	if err != nil {
		return err
	}
	j.steps, j.settled, j.size = steps, settled, int64(len(b))
	return renameio.WriteFile(j.file, b, 0o600, renameio.WithTempDir(filepath.Dir(j.file)))
}

func (j *Journal) write(lines ...journalLine) error {
	b, err := encode(lines)
	if err != nil {
		return err
	}
	f, err := Open(j.file, os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, j.size) // over a torn line, if there is one
	if err == nil {
		j.size += int64(len(b))
	}
	err = errors.Join(err, f.Truncate(j.size), f.Close())
	if j.size == 0 { // not even the first step was written
		return errors.Join(err, os.Remove(j.file))
	}
	return err
}

func encode(lines []journalLine) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, l := range lines {
		if err := enc.Encode(l); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
