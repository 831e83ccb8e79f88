package proxy

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestFlowsEndWhenIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		table := newFlows(idle, 3)
		keep := func(port uint16) *flow {
			k := key{link: uint32(port)}
			f := table.find(k)
			if f == nil {
				f = &flow{key: k}
				table.add(f, time.Now())
			} else {
				table.touch(f, time.Now())
			}
			return f
		}
		one := keep(1)
		time.Sleep(time.Second)
		two := keep(2)
		time.Sleep(time.Second)
		three := keep(3)
		if table.oldest() != one || !table.full() {
			t.Error("of three flows the first is not the oldest, or there is room")
		}
		if keep(1) != one || table.oldest() != two {
			t.Error("a flow that is used again is not the youngest")
		}
		time.Sleep(time.Second)
		table.touch(two, time.Now())
		if table.oldest() != three {
			t.Error("an answer doesn't keep a flow")
		}
		if got := time.Until(table.end(three)); got != idle-time.Second {
			t.Errorf("a flow of a second ago ends in %v", got)
		}
		table.remove(three)
		if table.oldest() != one || table.full() {
			t.Error("a flow that was removed is there")
		}
	})
}
