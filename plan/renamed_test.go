package plan_test

import (
	"reflect"
	"testing"

	"github.com/minibridge/minibridge/plan"
)

func TestRenamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ step, want plan.Step }{
		{&plan.SysctlSet{NS: "web", Key: "web", Value: "1"}, &plan.SysctlSet{NS: "site", Key: "web", Value: "1"}},
		{&plan.SysctlSet{NS: "web2", Key: "a.b"}, &plan.SysctlSet{NS: "web2", Key: "a.b"}},
		{plan.NS("web").Gone(), plan.NS("site").Gone()},
		{&plan.Leave{Why: "web"}, &plan.Leave{Why: "web"}},
	} {
		before := tt.step.String()
		if have := plan.Renamed(tt.step, "web", "site"); !reflect.DeepEqual(have, tt.want) {
			t.Errorf("%s: %#v, not %#v", before, have, tt.want)
		}
		if tt.step.String() != before {
			t.Errorf("%s is %s now", before, tt.step)
		}
	}
}
