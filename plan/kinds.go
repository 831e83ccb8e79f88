package plan

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// Kinds names every type of undo step that a journal can hold, so that another
// process, or another version of the program, can run them. A name is for
// ever: it is never given to another type.
type Kinds map[string]Step

// A Record is an undo step as data: Args is for the program, Cmd for a person
// with a broken binary.
type Record struct {
	Kind string          `json:"kind,omitempty"`
	Cmd  string          `json:"cmd,omitempty"`
	Args json.RawMessage `json:"args,omitempty"`
}

// Encode turns a step, which must be of a type in the table, into a record.
func (k Kinds) Encode(s Step) (Record, error) {
	for name, proto := range k {
		if reflect.TypeOf(proto) == reflect.TypeOf(s) {
			args, err := json.Marshal(s)
			return Record{Kind: name, Cmd: s.String(), Args: args}, err
		}
	}
	return Record{}, fmt.Errorf("%T is no journal kind", s)
}

// Decode turns a record back into its step.
func (k Kinds) Decode(r Record) (Step, error) {
	proto, ok := k[r.Kind]
	if !ok {
		return nil, fmt.Errorf("unknown journal kind %q (a newer minibridge wrote it?); by hand: %s", r.Kind, r.Cmd)
	}
	s := reflect.New(reflect.TypeOf(proto).Elem()).Interface().(Step)
	if err := json.Unmarshal(r.Args, s); err != nil {
		return nil, fmt.Errorf("journal record %q: %w; by hand: %s", r.Kind, err, r.Cmd)
	}
	return s, nil
}
