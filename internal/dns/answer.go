package dns

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"

	"github.com/miekg/dns"
)

const (
	headerLen = 12 // RFC 1035, section 4.1.1
	// ttl is Docker's, in seconds. Clients that cache are rare in containers.
	ttl = 600
	// maxDatagram is what fits into one IPv4 packet, behind its headers.
	maxDatagram = 65535 - 20 - 8
)

// A query is a message that asks one question.
type query struct {
	raw     []byte // as it came
	msg     dns.Msg
	network string // "udp" or "tcp"
}

// read gives the query that a message is, or else what to answer it; neither
// for what would make two servers answer each other for ever.
func read(raw []byte, network string) (q *query, answer []byte) {
	if len(raw) < headerLen {
		return nil, nil
	}
	h := header(raw)
	action := dns.DefaultMsgAcceptFunc(h)
	switch {
	case action == dns.MsgIgnore:
		return nil, nil
	case action == dns.MsgRejectNotImplemented, opcode(h) != dns.OpcodeQuery:
		return nil, reject(h, dns.RcodeNotImplemented)
	case action == dns.MsgReject:
		return nil, reject(h, dns.RcodeFormatError)
	}
	q = &query{raw: raw, network: network}
	if q.msg.Unpack(raw) != nil || !q.complete(h) {
		return nil, reject(h, dns.RcodeFormatError)
	}
	return q, nil
}

// complete is whether all that the header counts is there: the library gives
// what it finds before a message ends.
func (q *query) complete(h dns.Header) bool {
	return len(q.msg.Question) == 1 && q.msg.Question[0].Qclass != 0 &&
		len(q.msg.Answer) == int(h.Ancount) && len(q.msg.Ns) == int(h.Nscount) && len(q.msg.Extra) == int(h.Arcount)
}

// header reads what is before the question.
func header(raw []byte) dns.Header {
	at := func(i int) uint16 { return binary.BigEndian.Uint16(raw[2*i:]) }
	return dns.Header{Id: at(0), Bits: at(1), Qdcount: at(2), Ancount: at(3), Nscount: at(4), Arcount: at(5)}
}

func opcode(h dns.Header) int { return int(h.Bits>>11) & 0xF }
func rcode(h dns.Header) int  { return int(h.Bits) & 0xF }

// reject answers what can't be read: a header alone.
func reject(h dns.Header, rcode int) []byte {
	return pack(&dns.Msg{MsgHdr: dns.MsgHdr{
		Id: h.Id, Response: true, Opcode: opcode(h), RecursionDesired: h.Bits&(1<<8) != 0, Rcode: rcode,
	}})
}

// fail answers that there is no answer.
func (q *query) fail(rcode int) []byte { return pack(new(dns.Msg).SetRcode(&q.msg, rcode)) }

// size is the longest answer that the client takes (RFC 6891, section 6.2.3).
func (q *query) size() int {
	if q.network == "tcp" {
		return dns.MaxMsgSize - 1
	}
	if opt := q.msg.IsEdns0(); opt != nil {
		return min(max(dns.MinMsgSize, int(opt.UDPSize())), maxDatagram)
	}
	return dns.MinMsgSize
}

// own gives the server's own answer to a query; there is none when somebody
// else is to be asked.
func (s *server) own(q *query) []byte {
	records, ok := s.records(q.msg.Question[0])
	if !ok {
		return nil
	}
	m := new(dns.Msg).SetReply(&q.msg)
	m.RecursionAvailable = true
	m.Answer = records
	m.Truncate(q.size())
	if answer := pack(m); answer != nil {
		return answer
	}
	return q.fail(dns.RcodeServerFailure) // a name that is none in DNS, as a label has 63 bytes
}

// records are the answer to a question about what is ours, even if that is
// nothing.
func (s *server) records(q dns.Question) (records []dns.RR, ok bool) {
	head := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: q.Qclass, Ttl: ttl}
	if addr, ok := address(q); ok {
		if name, known := s.Names.Reverse(addr); known {
			return []dns.RR{&dns.PTR{Hdr: head, Ptr: dns.Fqdn(name)}}, true
		}
		return nil, false
	}
	name := strings.ToLower(strings.TrimSuffix(q.Name, "."))
	single := !strings.Contains(name, ".")
	internet := q.Qclass == dns.ClassINET && (q.Qtype == dns.TypeA || q.Qtype == dns.TypeAAAA)
	addrs, known := s.Names.Lookup(name)
	switch {
	case known && internet:
		for _, addr := range addrs {
			switch {
			case addr.Is4() && q.Qtype == dns.TypeA:
				records = append(records, &dns.A{Hdr: head, A: addr.AsSlice()})
			case addr.Is6() && q.Qtype == dns.TypeAAAA:
				records = append(records, &dns.AAAA{Hdr: head, AAAA: addr.AsSlice()})
			}
		}
		rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		return records, true
	case known:
		// What else there is of such a name, nobody upstream can know. One with
		// a dot may be known to all the world too.
		return nil, single || q.Qtype == dns.TypeMX
	default:
		return nil, single && internet && s.Ndots > 0
	}
}

// pack gives nil for what is no message.
func pack(m *dns.Msg) []byte {
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}
