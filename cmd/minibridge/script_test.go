package main_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/minibridge/minibridge/internal/hosttest"
)

var update = flag.Bool("update", false, "write what cmp finds different into the scripts")

func TestMain(m *testing.M) {
	hosttest.Main(m, "github.com/minibridge/minibridge/cmd/minibridge")
}

// TestScripts runs each script of testdata and of examples/ in a machine of its
// own; one of examples/ stands among the files of its folder. Beside
// testscript's commands there are:
//
//	minibridge ARG...    what is tested, which has to succeed
//	fails CODE CMD...    CMD ends with this exit code
//	prints LINE...       the last stdout was these lines, no more and no less
//	says LINE...         so was the last stderr
//	answers URL [LINE]   waits until an HTTP server answers, with this line
//	outside CMD...       CMD in the outside world, which has to succeed
//	decodes KIND FILE    Docker's own type of a container or network reads it all
//	fields KIND NAME...  a template finds each field of Docker's own type
//	remember, unchanged  nothing of the machine or of the records differs
//
// [sctp] is a kernel that has it. In prints and says, what is different each time has a name: ID64, ID12, AGE,
// TIME, DATE, PID.
func TestScripts(t *testing.T) {
	for _, file := range append(scripts(t, "testdata/*.txtar"), scripts(t, "../../examples/*/*.txtar")...) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) { runScript(t, m, file, "") })
		})
	}
}

// TestScriptsWithNftables runs those again that are about where packets go.
func TestScriptsWithNftables(t *testing.T) {
	for _, name := range []string{"network_ipv6", "network_names", "network_flushed", "port", "publish", "ipv6_ports", "unreachable", "forwarding", "beside_docker", "docker_later", "beside_ufw", "beside_firewalld"} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) { runScript(t, m, "testdata/"+name+".txtar", "nftables") })
		})
	}
}

func scripts(t *testing.T, pattern string) []string {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts in", pattern, err)
	}
	return files
}

func runScript(t *testing.T, m *hosttest.Machine, file, firewall string) {
	s := &script{machine: m}
	testscript.RunT(serial{t}, testscript.Params{
		Files:               []string{file},
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		WorkdirRoot:         t.TempDir(),
		Setup: func(e *testscript.Env) error {
			if dir := os.Getenv("GOCOVERDIR"); dir != "" {
				e.Setenv("GOCOVERDIR", dir)
			}
			if dir := filepath.Dir(file); dir != "testdata" {
				if err := os.CopyFS(e.WorkDir, os.DirFS(dir)); err != nil {
					return err
				}
			}
			hack, err := filepath.Abs("../../hack")
			if err != nil {
				return err
			}
			e.Setenv("HACK", hack)
			e.Setenv("MINIBRIDGE_FIREWALL", firewall)
			e.Setenv("ID64", strings.Repeat("a", 64))
			e.Setenv("LONG", strings.Repeat("x", 300))
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "sctp" {
				return false, fmt.Errorf("no such condition: %s", name)
			}
			return slices.Contains(hosttest.Protocols(t), name), nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"minibridge": succeeds("minibridge"),
			"outside":    succeeds("ip", "netns", "exec", "outside"),
			"fails":      fails,
			"prints":     lines("stdout"),
			"says":       lines("stderr"),
			"answers":    answers,
			"decodes":    decodes,
			"fields":     fields,
			"remember":   s.remember,
			"unchanged":  s.unchanged,
		},
	})
}

// serial runs a script where it stands, not beside others: each has its
// machine.
type serial struct{ *testing.T }

func (s serial) Run(_ string, f func(testscript.T)) { f(s) }
func (serial) Parallel()                            {}
func (serial) Verbose() bool                        { return testing.Verbose() }

func succeeds(words ...string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("say which exit code: fails CODE CMD...")
		}
		args = append(words[1:len(words):len(words)], args...)
		ts.Check(ts.Exec(words[0], args...))
	}
}

func fails(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, not %d", code, want)
	}
}

// varying is what no script can know.
var varying = []struct {
	pattern *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "ID64"},
	{regexp.MustCompile(`\b[0-9a-f]{12}\b`), "ID12"},
	{regexp.MustCompile(`\b(mbv[0-9a-f]{8}|veth[0-9a-f]{7})\b`), "VETH"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z`), "TIME"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [-+]\d{4} \w+`), "DATE"},
	{regexp.MustCompile(`Less than a second|\b\d+ seconds?`), "AGE"},
	{regexp.MustCompile(`\bpid \d+`), "pid PID"},
}

func lines(stream string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		have := ts.ReadFile(stream)
		for _, v := range varying {
			have = v.pattern.ReplaceAllString(have, v.name)
		}
		var want strings.Builder
		for _, line := range args {
			want.WriteString(line + "\n")
		}
		if diff := hosttest.Diff(want.String(), have); diff != "" {
			ts.Fatalf("%s:\n%s", stream, diff)
		}
	}
}

// patience is how long a program may take until it listens.
const patience = 20 * time.Second

// answers asks again until there is somebody: a server in a container says to
// nobody when it has begun to listen.
func answers(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		body, err := get(ctx, client, args[0])
		if err == nil {
			if len(args) > 1 && strings.TrimSpace(body) != args[1] {
				ts.Fatalf("%s answers %q", args[0], body)
			}
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("nobody answers: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func get(ctx context.Context, client *http.Client, url string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	answer, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

// A script is what one script remembers of its machine.
type script struct {
	machine *hosttest.Machine
	kernel  string
	records string
}

func (s *script) remember(ts *testscript.TestScript, _ bool, _ []string) {
	s.settle(ts)
	s.kernel, s.records = s.machine.State(tb{ts}), records(ts)
}

func (s *script) unchanged(ts *testscript.TestScript, _ bool, _ []string) {
	if diff := hosttest.Diff(s.records, records(ts)); diff != "" {
		ts.Fatalf("the records have changed:\n%s", diff)
	}
	s.settle(ts)
	if diff := hosttest.Diff(s.kernel, s.machine.State(tb{ts})); diff != "" {
		ts.Fatalf("the machine has changed:\n%s", diff)
	}
}

// settle waits for links that go a little after the namespace of a container
// that has ended: the journals say which are still to be.
func (s *script) settle(ts *testscript.TestScript) {
	files, err := filepath.Glob("/run/minibridge/journal/ctr-*.jsonl")
	ts.Check(err)
	var journals strings.Builder
	for _, file := range files {
		journals.WriteString(ts.ReadFile(file))
	}
	links, err := filepath.Glob("/sys/class/net/mbv*")
	ts.Check(err)
	for _, link := range links {
		if name := filepath.Base(link); !strings.Contains(journals.String(), name) {
			s.machine.WaitNoLink(tb{ts}, name)
		}
	}
}

// A tb fails a script as a test would fail.
type tb struct{ *testscript.TestScript }

func (tb) Helper() {}

func (t tb) Errorf(format string, args ...any) { t.Fatalf(format, args...) }

// records are all files that minibridge keeps, with what is in them.
func records(ts *testscript.TestScript) string {
	var b bytes.Buffer
	for _, dir := range []string{"/var/lib/minibridge", "/run/minibridge"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist): // removed meanwhile, or nothing there yet
				return nil
			case err != nil:
				return err
			case d.Name() == "holder" || d.Name() == "ports.json" || d.Name() == "rules": // of the last verb: who it was, which port it gave, what rules it saw
				return nil
			case path == "/run/minibridge/layers" || path == "/run/minibridge/events": // what commands wrote; what was done
				return fs.SkipDir
			case !d.Type().IsRegular() || filepath.Dir(path) == "/run/minibridge/netns":
				fmt.Fprintf(&b, "%s %s\n", path, d.Type())
				return nil
			}
			content, err := os.ReadFile(path)
			fmt.Fprintf(&b, "%s %q\n", path, content)
			return err
		})
		ts.Check(err)
	}
	return b.String()
}
