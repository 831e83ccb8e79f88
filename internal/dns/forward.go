package dns

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// maxUpstreams are asked, the first ones (MAXNS, resolv.h).
	maxUpstreams = 3
	// timeout is how long each of them may take; so is that of a query which
	// waits for its turn.
	timeout = 4 * time.Second
)

// forward gives the first answer of an upstream that is one: not SERVFAIL or
// REFUSED. That a name does not exist is an answer. Once ctx ends there is none.
func (s *server) forward(ctx context.Context, q *query) []byte {
	upstreams := s.Upstreams()
	if len(upstreams) == 0 {
		return q.fail(dns.RcodeServerFailure)
	}
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	case <-time.After(timeout):
		return q.fail(dns.RcodeRefused)
	case <-ctx.Done():
		return nil
	}
	for _, u := range upstreams[:min(len(upstreams), maxUpstreams)] {
		answer, err := u.ask(ctx, q)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			continue
		}
		switch rcode(header(answer)) {
		case dns.RcodeServerFailure, dns.RcodeRefused:
			continue
		}
		binary.BigEndian.PutUint16(answer, q.msg.Id)
		return answer
	}
	return q.fail(dns.RcodeServerFailure)
}

// ask gives an upstream's answer to a query, which it gets as it came but for
// the id: together with a port of its own, that makes answers hard to forge
// (RFC 5452, section 9).
func (u Upstream) ask(ctx context.Context, q *query) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := u.Dial(ctx, q.network, u.Addr.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()

	out := bytes.Clone(q.raw)
	id := dns.Id()
	binary.BigEndian.PutUint16(out, id)
	if q.network == "tcp" {
		return q.askTCP(conn, id, out)
	}
	return q.askUDP(conn, id, out)
}

var errNoAnswer = errors.New("what came is no answer to the query")

func (q *query) askTCP(conn net.Conn, id uint16, out []byte) ([]byte, error) {
	if err := writeMessage(conn, out); err != nil {
		return nil, err
	}
	answer, err := readMessage(conn)
	if err == nil && !q.answeredBy(id, answer) {
		err = errNoAnswer
	}
	return answer, err
}

// askUDP waits until an answer comes; what else comes is ignored, as anybody can
// send it. An answer that is longer than the client takes ends after the question.
func (q *query) askUDP(conn net.Conn, id uint16, out []byte) ([]byte, error) {
	if _, err := conn.Write(out); err != nil {
		return nil, err
	}
	buf := make([]byte, q.size()+1)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		if answer := buf[:n]; q.answeredBy(id, answer) {
			if n > q.size() {
				return cut(answer), nil
			}
			return answer, nil
		}
	}
}

// answeredBy is whether a message has the id, and the question, which a server
// that fails may leave out.
func (q *query) answeredBy(id uint16, answer []byte) bool {
	if len(answer) < headerLen {
		return false
	}
	h := header(answer)
	if h.Id != id || h.Bits&(1<<15) == 0 {
		return false
	}
	if h.Qdcount == 0 {
		return rcode(h) != dns.RcodeSuccess && rcode(h) != dns.RcodeNameError
	}
	asked := q.msg.Question[0]
	name, end, err := dns.UnpackDomainName(answer, headerLen)
	return err == nil && h.Qdcount == 1 && len(answer) >= end+4 &&
		strings.EqualFold(name, asked.Name) &&
		binary.BigEndian.Uint16(answer[end:]) == asked.Qtype &&
		binary.BigEndian.Uint16(answer[end+2:]) == asked.Qclass
}

// cut leaves of an answer what says that there is more of it, by TCP.
func cut(answer []byte) []byte {
	end := headerLen
	if _, off, err := dns.UnpackDomainName(answer, headerLen); err == nil && header(answer).Qdcount == 1 {
		end = off + 4 // type and class
	}
	answer[2] |= 1 << 1 // TC
	clear(answer[6:headerLen])
	return answer[:end]
}
