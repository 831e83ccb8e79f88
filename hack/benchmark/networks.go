package main

import (
	"fmt"
)

// networks are the verbs of networks beside more and more of them: what a verb
// takes should not depend on them.
var networks = group{name: "Networks", subjects: []subject{{"1", beside(1)}, {"10", beside(10)}, {"100", beside(100)}}}

func beside(number int) func(string) (func() (times, error), error) {
	return func(program string) (func() (times, error), error) {
		c := command{program}
		if _, err := c.time("run", "-d", "--name", "resident", "sleep", "infinity"); err != nil {
			return nil, err
		}
		for i := range number {
			if _, err := c.time("network", "create", "--subnet", fmt.Sprintf("10.9.%d.0/24", i), fmt.Sprint("net", i)); err != nil {
				return nil, err
			}
		}
		return func() (times, error) {
			took := times{}
			for _, verb := range []struct {
				name string
				args []string
			}{
				{"create", []string{"network", "create", "--subnet", "10.8.0.0/24", "one"}},
				{"ls", []string{"network", "ls"}},
				{"inspect", []string{"network", "inspect", "one"}},
				{"connect", []string{"network", "connect", "one", "resident"}},
				{"disconnect", []string{"network", "disconnect", "one", "resident"}},
				{"run", []string{"run", "--rm", "--network", "one", "true"}},
				{"rm", []string{"network", "rm", "one"}},
			} {
				var err error
				if took[verb.name], err = c.time(verb.args...); err != nil {
					return nil, err
				}
			}
			return took, nil
		}, nil
	}
}
