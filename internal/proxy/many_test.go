package proxy

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

func TestFiveThousandPorts(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		at := listen(t, somewhere, echo)
		const ports = 5000
		var sockets []Socket
		var addrs []netip.AddrPort
		for i := range ports {
			s, addr := bound(t, []string{"tcp", "udp"}[i%2], fmt.Sprintf("[::1]:%d", 20_000+i), at.Port())
			sockets, addrs = append(sockets, s), append(addrs, addr)
		}
		p := start(t, to(at.Addr()))
		before, goroutines := heap(), runtime.NumGoroutine()
		if err := p.Add(sockets...); err != nil {
			t.Fatal(err)
		}
		if n := runtime.NumGoroutine() - goroutines; n != 1 {
			t.Errorf("%d goroutines more", n)
		}
		if each := (heap() - before - chunk) / ports; each > 200 {
			t.Errorf("a port takes %d bytes", each)
		} else {
			t.Logf("a port takes %d bytes", each)
		}
		for _, i := range []int{0, 2, ports - 2} {
			say(t, dial(t, addrs[i]), "hello", "hello")
		}
		runtime.KeepAlive(sockets)
	})
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
