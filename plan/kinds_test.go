package plan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/plan"
)

var kinds = plan.Kinds{"sysctl": &plan.SysctlSet{}, "leave": &plan.Leave{}}

func TestKindsBringStepsBack(t *testing.T) {
	t.Parallel()
	for _, step := range []plan.Step{
		&plan.SysctlSet{NS: "web", Key: "net.ipv4.ip_forward", Value: "0", If: "1"},
		&plan.Leave{Why: "it's <gone> & \"forgotten\""},
	} {
		record, err := kinds.Encode(step)
		if err != nil {
			t.Fatal(err)
		}
		if record.Cmd != step.String() {
			t.Errorf("the record's command is %q, not %q", record.Cmd, step)
		}
		line, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		var read plan.Record
		if err := json.Unmarshal(line, &read); err != nil {
			t.Fatal(err)
		}
		back, err := kinds.Decode(read)
		if err != nil {
			t.Fatal(err)
		}
		if back.String() != step.String() {
			t.Errorf("%s came back as %s", step, back)
		}
	}
}

func TestKindsRefuseStrangers(t *testing.T) {
	t.Parallel()
	if _, err := (plan.Kinds{}).Encode(&plan.Leave{}); err == nil {
		t.Error("a step of a type outside the table was encoded")
	}
	for name, record := range map[string]plan.Record{
		"unknown kind": {Kind: "teleport", Cmd: "ip link del mbv1", Args: []byte(`{}`)},
		"broken args":  {Kind: "sysctl", Cmd: "ip link del mbv1", Args: []byte(`{"key":7}`)},
	} {
		_, err := kinds.Decode(record)
		if err == nil || !strings.Contains(err.Error(), record.Cmd) {
			t.Errorf("%s: the error does not give the command to type: %v", name, err)
		}
	}
}
