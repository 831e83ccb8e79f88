package engine

import (
	"encoding/binary"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A socketFile is the file that a socket is bound to, as sock_diag(7) has it.
type socketFile struct {
	inode uint32 // its lower half
	dev   uint32 // of the kernel's form: major<<20 | minor
}

// listening are the files of the sockets that somebody listens at. One
// question answers for all supervisors; of each of them, its record and the
// state of its process would be three files to read.
func listening() (map[socketFile]bool, error) {
	req := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
	req.AddData(unixDiagReq{})
	msgs, err := req.Execute(unix.NETLINK_INET_DIAG, 0)
	if err != nil {
		return nil, err
	}
	files := make(map[socketFile]bool, len(msgs))
	for _, b := range msgs {
		attrs, err := nl.ParseRouteAttr(b[min(unixDiagMsgLen, len(b)):])
		if err != nil {
			return nil, err
		}
		for _, a := range attrs {
			if a.Attr.Type == unixDiagVFS && len(a.Value) >= 8 {
				files[socketFile{binary.NativeEndian.Uint32(a.Value), binary.NativeEndian.Uint32(a.Value[4:])}] = true
			}
		}
	}
	return files, nil
}

// Of linux/unix_diag.h, and a socket state (net/tcp_states.h).
const (
	unixDiagReqLen = 24
	unixDiagMsgLen = 16
	udiagShowVFS   = 2
	unixDiagVFS    = 1
	stateListen    = 10
	diagStates     = 4 // where they stand in the question
	diagShow       = 12
)

// unixDiagReq asks which files listening sockets are bound to.
type unixDiagReq struct{}

func (unixDiagReq) Len() int { return unixDiagReqLen }

func (unixDiagReq) Serialize() []byte {
	b := make([]byte, unixDiagReqLen)
	b[0] = unix.AF_UNIX
	binary.NativeEndian.PutUint32(b[diagStates:], 1<<stateListen)
	binary.NativeEndian.PutUint32(b[diagShow:], udiagShowVFS)
	return b
}

// statSocket is the file at a path.
func statSocket(path string) (socketFile, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return socketFile{}, err
	}
	return socketFile{uint32(st.Ino), unix.Major(st.Dev)<<20 | unix.Minor(st.Dev)}, nil
}
