package engine_test

import (
	"slices"
	"testing"

	"github.com/minibridge/minibridge/internal/engine"
)

// What is offered to who types is taken.
func TestOfferedValuesAreTaken(t *testing.T) {
	t.Parallel()
	takes := func(values []string, in func(*engine.Spec, string)) {
		if len(values) == 0 {
			t.Error("nothing is offered")
		}
		for _, value := range values {
			spec := engine.Spec{Args: []string{"true"}}
			in(&spec, value)
			if err := engine.Check(&spec); err != nil {
				t.Error(err)
			}
		}
	}
	takes(engine.LogDrivers(), func(s *engine.Spec, v string) { s.LogDriver = v })
	takes(engine.IPCModes(), func(s *engine.Spec, v string) { s.IpcMode = v })
	takes(engine.SecurityOptions(), func(s *engine.Spec, v string) { s.SecurityOpt = []string{v} })
	takes(engine.LogOptNames(), func(s *engine.Spec, v string) { s.LogOpts = map[string]string{v: "1"} })
	if !slices.Contains(engine.LogDrivers(), "local") {
		t.Error("the driver local is not offered")
	}
}
