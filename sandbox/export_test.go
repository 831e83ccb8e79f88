package sandbox

// Bring is what Apply does with each number that it has found outside.
func (s *CgroupEnter) Bring(pid int) error {
	mounts, err := findFreezers()
	if err != nil {
		return err
	}
	return s.bring(mounts, pid)
}

// Watch is how an init hears of signals.
var Watch = watch

// AttachAt mounts a directory on a path that was looked at before.
func AttachAt(source, at string) error {
	t, err := openTree(source, 0, 0)
	if err != nil {
		return err
	}
	return t.attachAt(at)
}
