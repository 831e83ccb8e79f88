package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

func (s *server) serveTCP(ctx context.Context, tcp net.Listener) error {
	clients := make(chan struct{}, maxClients)
	for {
		select {
		case clients <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		conn, err := tcp.Accept()
		if err == nil {
			s.work.Go(func() {
				defer func() { <-clients }()
				s.serveClient(ctx, conn)
			})
			continue
		}
		<-clients
		switch {
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("name server: %w", err)
		case !rest(ctx):
			return err
		}
	}
}

// serveClient answers the queries of one client, one after the other.
func (s *server) serveClient(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	for {
		conn.SetDeadline(time.Now().Add(idle))
		message, err := readMessage(conn)
		if err != nil {
			return
		}
		q, answer := read(message, "tcp")
		if q != nil {
			answer = s.own(q)
			if answer == nil {
				answer = s.forward(ctx, q)
				conn.SetDeadline(time.Now().Add(idle))
			}
		}
		if answer == nil || writeMessage(conn, answer) != nil {
			return
		}
	}
}

// readMessage and writeMessage move one message with its length before it (RFC
// 1035, section 4.2.2).
func readMessage(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, message)
	return message, err
}

func writeMessage(w io.Writer, message []byte) error {
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(message)), uint16(len(message)))
	_, err := w.Write(append(b, message...))
	return err
}
