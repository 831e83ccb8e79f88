package engine

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"

	"github.com/minibridge/minibridge/internal/state"
)

// logFormat is what inspect calls our log; noLog is the driver that keeps none.
const (
	logFormat = "k8s-file"
	noLog     = "none"
)

// logDrivers are Docker's names that mean our log, its default first.
var logDrivers = []string{"json-file", "local", logFormat}

// logOptions are those that say something here.
var logOptions = []string{"max-size", "max-file", "labels", "env"}

// LogDrivers are the values of --log-driver.
func LogDrivers() []string { return append(slices.Clone(logDrivers), noLog) }

// LogOptNames are the names of --log-opt.
func LogOptNames() []string { return slices.Clone(logOptions) }

// logLimits are what max-size and max-file say: the bytes after which a new
// file is begun, 0 for never, and how many files are kept.
type logLimits struct {
	size  int64
	files int
}

// checkLog refuses a log that can't be, with Docker's texts.
func checkLog(spec *Spec) error {
	driver := cmp.Or(spec.LogDriver, logDrivers[0])
	switch {
	case driver == noLog && len(spec.LogOpts) > 0:
		return errorf("invalid logging opts for driver none")
	case driver == noLog:
		return nil
	case !slices.Contains(logDrivers, driver):
		return errorf("error looking up logging plugin %s: plugin %q not found", Printable(driver), Printable(driver))
	}
	for _, key := range slices.Sorted(maps.Keys(spec.LogOpts)) {
		value := spec.LogOpts[key]
		if slices.Contains(logOptions, key) {
			continue
		}
		switch key {
		case "mode":
			if value != "blocking" {
				return errorf("logger: logging mode not supported: %s (a command here waits for its log: blocking)", Printable(value))
			}
		case "compress":
			if on, err := strconv.ParseBool(value); err != nil {
				return errorf("failed to create task for container: failed to initialize logging driver: %v", err)
			} else if on {
				return errorf("failed to create task for container: failed to initialize logging driver: compress cannot be true: logs are kept as they are")
			}
		default:
			return errorf("unknown log opt '%s' for %s log driver", Printable(key), driver)
		}
	}
	_, err := limitsOf(spec)
	return err
}

// limitsOf reads max-size and max-file.
func limitsOf(spec *Spec) (l logLimits, err error) {
	l.files = 1
	if value, ok := spec.LogOpts["max-size"]; ok {
		if l.size, err = units.FromHumanSize(value); err != nil {
			return l, errorf("failed to create task for container: failed to initialize logging driver: invalid size: '%s'", Printable(value))
		}
		if l.size <= 0 {
			return l, errorf("failed to create task for container: failed to initialize logging driver: max-size must be a positive number")
		}
	}
	if value, ok := spec.LogOpts["max-file"]; ok {
		if l.files, err = strconv.Atoi(value); err != nil {
			return l, errorf("failed to create task for container: failed to initialize logging driver: %v", err)
		}
		if l.files < 1 {
			return l, errorf("failed to create task for container: failed to initialize logging driver: max-file cannot be less than 1")
		}
	}
	return l, nil
}

// logConfigOf is the log as inspect shows it.
func logConfigOf(spec *Spec) logConfigJSON {
	j := logConfigJSON{Type: logFormat, Config: map[string]string{}}
	if spec.LogDriver == noLog {
		j.Type = noLog
	}
	maps.Copy(j.Config, spec.LogOpts)
	return j
}

// logDetails are the labels and variables that --log-opt labels= and env= name,
// as logs --details shows them.
func logDetails(spec *state.Spec) string {
	var all []string
	for _, key := range strings.Split(spec.LogOpts["labels"], ",") {
		if value, ok := spec.Labels[key]; ok {
			all = append(all, key+"="+value)
		}
	}
	for _, key := range strings.Split(spec.LogOpts["env"], ",") {
		for _, v := range spec.Env {
			if name, _, ok := strings.Cut(v, "="); ok && name == key {
				all = append(all, v)
			}
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ",")
}
