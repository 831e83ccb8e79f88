package engine_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/minibridge/minibridge"

// edges are the packages of the module, and for each what of the module it may
// import and why. A package that is not here, or an edge, needs its line and a
// reason that convinces.
var edges = map[string]map[string]string{
	"plan": {},
	"bridge": {
		"plan": "its ops are plan.Ops",
	},
	"sandbox": {
		"plan": "its ops are plan.Ops; processes are plain code",
	},
	"nat": {
		"plan": "its ops are plan.Ops",
	},
	"internal/ipam": {},
	"internal/dns":  {},
	"internal/state": {
		"plan": "a journal on disk is a plan.Journal",
	},
	"internal/driver": {
		"plan":           "a driver's answers are plans",
		"nat":            "what a published port is",
		"internal/state": "a driver is asked about a network's record",
	},
	"internal/proxy": {},
	"internal/driver/bridged": {
		"plan":            "a driver's answers are plans",
		"bridge":          "a driver joins what two leaves give",
		"nat":             "a driver joins what two leaves give",
		"internal/driver": "it is one",
		"internal/state":  "a driver is asked about a network's record",
	},
	"internal/driver/hostnet": {
		"plan":            "a driver's answers are plans",
		"internal/driver": "it is one",
		"internal/state":  "a driver is asked about a network's record",
	},
	"internal/driver/nullnet": {
		"plan":            "a driver's answers are plans",
		"internal/driver": "it is one",
		"internal/state":  "a driver is asked about a network's record",
	},
	"internal/engine": {
		"plan":                    "it runs the plans",
		"bridge":                  "only the engine sees two leaves",
		"sandbox":                 "only the engine sees two leaves",
		"nat":                     "only the engine sees two leaves",
		"internal/driver":         "what a kind of network is",
		"internal/driver/bridged": "its table of kinds",
		"internal/driver/hostnet": "its table of kinds",
		"internal/driver/nullnet": "its table of kinds",
		"internal/ipam":           "it chooses before it plans",
		"internal/dns":            "a supervisor answers names",
		"internal/proxy":          "a supervisor carries what the kernel can't",
		"internal/state":          "it owns the lock and the records",
	},
	"cmd/minibridge": {
		"internal/engine": "one verb, one call",
		"internal/bench":  "one verb that is no business of the engine's",
		"plan":            "its hints are command lines, quoted",
	},
	"internal/bench": {
		"internal/load":    "what it compares",
		"internal/machine": "it measures in one",
		"plan":             "a way begins in a network namespace",
	},
	"internal/load": {
		"plan": "a client is in a network namespace",
	},
	"internal/machine": {
		"plan": "what a named network namespace is, and sysctls",
	},
	"internal/hosttest": {
		"internal/machine": "a test's machine is one",
		"plan":             "the laws of ops and plans",
	},
	"internal/paths": {},
	"hack/machine": {
		"internal/machine": "it is its command line",
	},
	"hack/benchmark": {
		"internal/machine": "it measures in one",
		"internal/load":    "traffic is what it times, too",
		"internal/bench":   "ratios turn by turn, as the verb's",
		"bridge":           "a container's plan, without the rest",
		"nat":              "a container's plan, without the rest",
		"sandbox":          "a container's plan, without the rest",
		"plan":             "a container's plan, without the rest",
	},
}

// libraries limits what some packages may import from outside the module, at
// any depth but the standard library; the others are free.
var libraries = map[string][]string{
	"plan":           {"golang.org/x/sys/unix"}, // whoever imports bridge or nat gets it too
	"internal/ipam":  {"go4.org/netipx"},        // a pure choice needs no kernel
	"internal/proxy": {"golang.org/x/sys/unix"}, // sockets, and nothing else
}

type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
}

func TestImports(t *testing.T) {
	t.Parallel()
	packages := list(t)
	for path, p := range packages {
		name, ours := strings.CutPrefix(path, module+"/")
		if !ours {
			continue
		}
		allowed, known := edges[name]
		if !known {
			t.Errorf("package %s has no line in the table of edges", name)
			continue
		}
		for _, imported := range p.Imports {
			to, ours := strings.CutPrefix(imported, module+"/")
			if ours && allowed[to] == "" {
				t.Errorf("%s imports %s, which is no edge of the table", name, to)
			}
		}
		limit, limited := libraries[name]
		for _, dep := range p.Deps {
			if limited && !packages[dep].Standard && !strings.HasPrefix(dep, module) && !slices.Contains(limit, dep) {
				t.Errorf("%s depends on %s, which is not among its libraries", name, dep)
			}
		}
	}
}

// list asks for every package of the module and all they are built from,
// without tests; those with errors are listed too.
func list(t *testing.T) map[string]listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Standard,Imports,Deps", module+"/...").Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("go list: %s", exit.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	packages := map[string]listed{}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		switch err := dec.Decode(&p); err {
		case nil:
			packages[p.ImportPath] = p
		case io.EOF:
			return packages
		default:
			t.Fatal(err)
		}
	}
}
