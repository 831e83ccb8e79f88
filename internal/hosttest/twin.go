package hosttest

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/machine"
	"github.com/minibridge/minibridge/plan"
)

// Twin holds an op against the law of its kind, in a machine of the test's own
// that the prepare scripts have set up: the op says that it is not so yet; once
// applied, that it is; its undo, even read back from JSON, leaves the machine
// as before, and may be repeated; its text, run by a shell in a second machine,
// does what Apply did in the first; and so does the text of its undo.
func Twin(t *testing.T, op plan.Op, prepare ...string) {
	t.Helper()
	Run(t, func(t *testing.T, m *Machine) {
		t.Helper()
		script := strings.Join(prepare, "\n")
		m.Sh(t, script)
		m.Twin(t, op, script)
	})
}

// Twin is the function of that name within the present machine, which is as
// the script prepare leaves a fresh one.
func (m *Machine) Twin(t TB, op plan.Op, prepare string) {
	t.Helper()
	before := m.State(t)
	undo := undoOf(t, op)
	if undo == nil {
		t.Fatalf("%s: it is so already, before Apply", op)
	}
	if err := op.Apply(); err != nil {
		t.Fatalf("%s: %v", op, err)
	}
	if again := undoOf(t, op); again != nil {
		t.Errorf("%s: not so after Apply: its undo would be %s", op, again)
	}
	m.sameByShell(t, prepare, op.String())
	undo = reread(t, undo)
	for _, which := range []string{"undo", "undo, repeated"} {
		if err := undo.Apply(); err != nil {
			t.Fatalf("%s: %s, %s: %v", op, which, undo, err)
		}
	}
	if _, leave := undo.(*plan.Leave); leave {
		return
	}
	m.WaitState(t, before)
	if undo = undoOf(t, op); undo == nil {
		t.Fatalf("%s: still so after its undo", op)
	}
	m.undoneByShell(t, op, undo, before)
}

// undoneByShell takes an op back by typing its undo.
func (m *Machine) undoneByShell(t TB, op plan.Op, undo plan.Step, before string) {
	t.Helper()
	if err := op.Apply(); err != nil {
		t.Fatalf("%s: a second time: %v", op, err)
	}
	m.Sh(t, undo.String())
	if err := waitState(before, typed); err != nil {
		t.Errorf("%s: after the commands of its undo: %v\nThe commands:\n%s", op, err, undo)
	}
	if err := undo.Apply(); err != nil { // takes along what is not typed
		t.Errorf("%s: undo after its own commands: %v", op, err)
	}
	m.WaitState(t, before)
}

// TwinPlan is the law of a plan, in a machine of the test's own: it goes up,
// all of it is so then, its script does the same in a second machine, and it
// goes down without a trace, by its undo steps and by their commands.
func TwinPlan(t *testing.T, p plan.Plan, prepare ...string) {
	t.Helper()
	Run(t, func(t *testing.T, m *Machine) {
		t.Helper()
		script := strings.Join(prepare, "\n")
		m.Sh(t, script)
		m.TwinPlan(t, p, script)
	})
}

// TwinPlan is the function of that name within the present machine, which is
// as the script prepare leaves a fresh one.
func (m *Machine) TwinPlan(t TB, p plan.Plan, prepare string) {
	t.Helper()
	before := m.State(t)
	e := plan.Executor{Journal: &plan.Memory{}}
	if err := e.Up(context.Background(), p); err != nil {
		t.Fatalf("up: %v", err)
	}
	missing, err := plan.Drift(p)
	if len(missing) > 0 || err != nil {
		t.Errorf("not so after the plan is up: %v\n%s", err, missing)
	}
	m.sameByShell(t, prepare, p.String())
	var down string
	for _, step := range slices.Backward(e.Journal.Steps()) {
		down += step.String() + "\n"
	}
	if err := e.Down(0); err != nil {
		t.Fatalf("down: %v", err)
	}
	m.WaitState(t, before)
	m.sameByShell(t, prepare, p.String()+down)
}

// NoTrace makes each op of a plan fail in turn, before and after it is applied:
// each time the machine must be as it was.
func (m *Machine) NoTrace(t TB, p plan.Plan) {
	t.Helper()
	before := m.State(t)
	for i := range p {
		for _, after := range []bool{false, true} {
			broken := append(plan.Plan{}, p...)
			broken[i].Op = &failing{Op: p[i].Op, after: after}
			m.upAndBack(t, broken)
			if err := waitState(before, all); err != nil {
				t.Fatalf("after an error in %s: trace left: %v", p[i].Op, err)
			}
		}
	}
}

// upAndBack has nothing to roll back from where the op that would fail is
// already so: then the plan is taken down.
func (m *Machine) upAndBack(t TB, p plan.Plan) {
	t.Helper()
	e := plan.Executor{Journal: &plan.Memory{}}
	err := e.Up(context.Background(), p)
	if err == nil {
		err = e.Down(0)
	} else if errors.Is(err, errInjected) && len(e.Journal.Steps()) == 0 {
		err = nil
	}
	if err != nil {
		t.Fatalf("up and back: %v\nleft in the journal: %s", err, e.Journal.Steps())
	}
}

var errInjected = errors.New("injected by the test")

// failing is an op that fails before or after it is applied.
type failing struct {
	plan.Op
	after bool
}

func (f *failing) Apply() error {
	if f.after {
		if err := f.Op.Apply(); err != nil {
			return err
		}
	}
	return errInjected
}

// sameByShell runs a script in a second machine and wants this one to look like
// it: deleted devices may take their time to go.
func (m *Machine) sameByShell(t TB, prepare, script string) {
	t.Helper()
	if err := waitState(m.StateAfter(t, prepare+"\n"+script), typed); err != nil {
		t.Errorf("what was applied (+) is not what the commands do (-): %v\nThe commands:\n%s", err, script)
	}
}

func undoOf(t TB, op plan.Op) plan.Step {
	t.Helper()
	undo, err := op.Undo()
	if err != nil {
		t.Fatalf("%s: undo: %v", op, err)
	}
	return undo
}

// reread sends a step through a journal's JSON.
func reread(t TB, step plan.Step) plan.Step {
	t.Helper()
	kinds := plan.Kinds{"step": step}
	record, err := kinds.Encode(step)
	var b []byte
	if err == nil {
		b, err = json.Marshal(record)
	}
	var back plan.Record
	if err == nil {
		err = json.Unmarshal(b, &back)
	}
	var again plan.Step
	if err == nil {
		again, err = kinds.Decode(back)
	}
	if err != nil {
		t.Fatalf("%s: through JSON: %v", step, err)
	}
	return again
}

// stateAfter runs this test binary once more, in a machine that [Main] fills.
func stateAfter(script string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := machine.Command(context.Background(), self)
	cmd.Env = append(os.Environ(), stateEnv+"=1")
	cmd.Stdin = strings.NewReader(script)
	out, err := output(cmd)
	return string(out), err
}
