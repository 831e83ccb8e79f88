package nat

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// An Element is one of a set or map of our table, written as nft(8) does.
type Element struct {
	Set     string `json:"set"`
	Key     string `json:"key"`             // "tcp . 8080"
	Value   string `json:"value,omitempty"` // of a map: "172.17.0.2 . 80"
	Comment string `json:"comment"`         // minibridge:<what>:<short id>
}

func (e Element) add() string {
	if e.Value == "" {
		return fmt.Sprintf("%s comment %q", e.Key, e.Comment)
	}
	return fmt.Sprintf("%s comment %q : %s", e.Key, e.Comment, e.Value)
}

// Elements are added to our table in one transaction. What is there stays.
type Elements struct {
	Elements []Element

	missing []Element // what Undo saw, for the Apply behind it; nil when it saw nothing missing
}

// String is every command, as if none of them were there; between Undo and
// Apply that of those that are not.
func (s *Elements) String() string {
	return elementText("add", s.todo(), Element.add)
}

func (s *Elements) todo() []Element {
	if s.missing != nil {
		return s.missing
	}
	return s.Elements
}

// Apply adds what is missing. What is there is none of the kernel's errors, as
// long as it is the same.
func (s *Elements) Apply() error {
	todo := s.todo()
	s.missing = nil
	return changeElements(todo, (*nftables.Conn).SetAddElements)
}

// Undo removes exactly what Apply would add. A key that leads elsewhere is in
// the way.
func (s *Elements) Undo() (plan.Step, error) {
	s.missing = nil
	have, err := lookElements(s.Elements)
	if err != nil {
		return nil, err
	}
	var missing []Element
	for i, want := range s.Elements {
		switch {
		case have[i] == nil:
			missing = append(missing, want)
		case *have[i] != want:
			return nil, &plan.CommandError{Command: elementText("add", []Element{want}, Element.add),
				Err: fmt.Errorf("it has %s already", have[i].add())}
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	s.missing = missing
	return &ElementsDel{Elements: missing}, nil
}

// ElementsDel removes elements of ours. What is gone already is no error; what
// is not ours stays, and is named by the error.
type ElementsDel struct {
	Elements []Element `json:"elements"`
}

// String is every command, as if all of them were there.
func (s *ElementsDel) String() string {
	return elementText("delete", s.Elements, func(e Element) string { return e.Key })
}

// Apply looks first: a transaction with one element gone would fail whole.
func (s *ElementsDel) Apply() error {
	have, err := lookElements(s.Elements)
	if err != nil {
		return err
	}
	var there []Element
	var errs []error
	for i, e := range s.Elements {
		switch {
		case have[i] == nil:
		case *have[i] == e:
			there = append(there, e)
		default:
			errs = append(errs, &plan.CommandError{Command: elementText("delete", []Element{e}, func(e Element) string { return e.Key }),
				Err: fmt.Errorf("it stays, as it is not ours: %s", have[i].add())})
		}
	}
	return errors.Join(changeElements(there, (*nftables.Conn).SetDeleteElements), errors.Join(errs...))
}

// Covers is for some of the same.
func (s *ElementsDel) Covers(later plan.Step) bool {
	o, ok := later.(*ElementsDel)
	return ok && subset(o.Elements, s.Elements)
}

// perCommand is how many elements stand in one command: a word of a command
// line has 128 KiB at most (MAX_ARG_STRLEN, linux/binfmts.h).
const perCommand = 500

// elementText is a command for each run of elements of the same set.
func elementText(verb string, elements []Element, text func(Element) string) string {
	var lines []string
	for run := range runs(elements, perCommand) {
		var words []string
		for _, e := range run {
			words = append(words, text(e))
		}
		lines = append(lines, fmt.Sprintf("%s element %s %s { %s }", verb, nftTable, run[0].Set, strings.Join(words, ", ")))
	}
	return nftText("", lines)
}

// runs are elements of the same set that stand together, so many at most.
func runs(elements []Element, most int) func(yield func([]Element) bool) {
	return func(yield func([]Element) bool) {
		for from, i := 0, 1; i <= len(elements); i++ {
			if i < len(elements) && elements[i].Set == elements[from].Set && i-from < most {
				continue
			}
			if !yield(elements[from:i]) {
				return
			}
			from = i
		}
	}
}

// perMessage is how many elements go into one message: an attribute has 64 KiB
// at most (struct nlattr), and an element with its comment about 120 bytes.
const perMessage = 256

// perMessageBytes is more than such a message has.
const perMessageBytes = 64 << 10

// changeElements adds or deletes elements in one transaction.
func changeElements(elements []Element, change func(*nftables.Conn, *nftables.Set, []nftables.SetElement) error) error {
	if len(elements) == 0 {
		return nil
	}
	room := (len(elements)/perMessage + 20) * perMessageBytes
	conn, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(c *netlink.Conn) error { return c.SetWriteBuffer(room) }))
	if err != nil {
		return err
	}
	// After a deletion this waits for the kernel to free what was deleted, some
	// 8 ms (nft_rcv_nl_event in net/netfilter/nf_tables_api.c, Linux 6.18).
	// What matters here is done by then.
	defer func() { go conn.CloseLasting() }()
	table := &nftables.Table{Name: "minibridge", Family: unix.NFPROTO_INET}
	for run := range runs(elements, perMessage) {
		set := setNamed(run[0].Set)
		var list []nftables.SetElement
		for _, e := range run {
			coded, err := set.encode(e)
			if err != nil {
				return err
			}
			list = append(list, coded...)
		}
		if err := change(conn, &nftables.Set{Table: table, Name: set.Name, IsMap: set.Value != ""}, list); err != nil {
			return err
		}
	}
	err = conn.Flush()
	if err == nil {
		own.Add(1)
	}
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		return errno // which the library gives once for each message
	}
	return err
}
