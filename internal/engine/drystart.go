package engine

import (
	"bytes"
	"fmt"
	"io"
)

// DryCreate checks as Create does, and writes that there is nothing to do.
func (e *Engine) DryCreate(spec Spec, name string, w io.Writer) error {
	if err := Check(&spec); err != nil {
		return err
	}
	c, _, err := e.imagine(spec, name)
	if err == nil {
		_, err = fmt.Fprintf(w, "# nothing in the kernel is container %s's until it is started\n", c.Name)
	}
	return err
}

// DryStart writes what Start would do for each container, as DryRun does for
// one.
func (e *Engine) DryStart(refs []string, w io.Writer) error {
	var b bytes.Buffer
	b.WriteString(e.scriptHead())
	i := e.imagining("start")
	for _, ref := range refs {
		c, err := e.find(ref)
		if err != nil {
			return err
		}
		if _, st := e.status(c); st.Up() {
			fmt.Fprintf(&b, "# container %s runs already\n", c.Name)
			continue
		}
		networks, err := e.dirs.Networks()
		if err != nil {
			return err
		}
		run, err := i.start(c, networks)
		if err != nil {
			return err
		}
		if err := e.writeStart(&b, c, run, networks, true); err != nil {
			return err
		}
	}
	_, err := b.WriteTo(w)
	return err
}
