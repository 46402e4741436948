package cluster

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// protobufMagic begins every answer in Kubernetes's protobuf
// (k8s.io/apimachinery v0.35.0, pkg/runtime/serializer/protobuf/protobuf.go).
const protobufMagic = "k8s\x00"

// isProtobuf reports whether an answer is protobuf; it reads nothing off.
func isProtobuf(in *bufio.Reader) bool {
	head, err := in.Peek(len(protobufMagic))
	return err == nil && string(head) == protobufMagic
}

// streamList reads a list in protobuf as it comes, so that never more than one
// object of it is held: its metadata goes to head, and each object to item,
// which must not hold on to it. kind is what the list must say it is.
func streamList(in *bufio.Reader, kind string, head func(metav1.ListMeta), item func([]byte) error) error {
	if _, err := in.Discard(len(protobufMagic)); err != nil {
		return err
	}
	s := &listStream{in: in, kind: kind, head: head, item: item}
	for whole := false; ; {
		number, length, err := s.next()
		if err == io.EOF && whole {
			return nil
		}
		if err != nil {
			return truncated(err)
		}
		switch number { // runtime.Unknown
		case 1:
			err = s.typeMeta(length)
		case 2:
			err, whole = s.list(length), true
		default:
			_, err = s.take(length)
		}
		if err != nil {
			return truncated(err)
		}
	}
}

type listStream struct {
	in   *bufio.Reader
	kind string
	head func(metav1.ListMeta)
	item func([]byte) error
	read uint64 // bytes
	buf  bytes.Buffer
}

// next reads the tag and length of a field. io.EOF means that there is none.
func (s *listStream) next() (number int, length uint64, err error) {
	tag, err := binary.ReadUvarint(s)
	if err != nil {
		return 0, 0, err
	}
	if tag&7 != 2 {
		return 0, 0, errWire // lists and what wraps them hold messages and strings
	}
	length, err = binary.ReadUvarint(s)
	return int(tag >> 3), length, truncated(err)
}

// ReadByte counts what is read.
func (s *listStream) ReadByte() (byte, error) {
	b, err := s.in.ReadByte()
	if err == nil {
		s.read++
	}
	return b, err
}

// take reads a field's value, which stands until the next is read.
func (s *listStream) take(length uint64) ([]byte, error) {
	s.buf.Reset()
	n, err := io.CopyN(&s.buf, s.in, int64(min(length, 1<<62)))
	s.read += uint64(n)
	return s.buf.Bytes(), truncated(err)
}

func (s *listStream) typeMeta(length uint64) error {
	raw, err := s.take(length)
	if err != nil {
		return err
	}
	var t runtime.TypeMeta
	if err := t.Unmarshal(raw); err != nil {
		return err
	}
	if t.Kind != s.kind {
		return fmt.Errorf("it is a %q and no %s", t.Kind, s.kind)
	}
	return nil
}

func (s *listStream) list(length uint64) error {
	end := s.read + length
	for s.read < end {
		number, length, err := s.next()
		if err != nil {
			return err
		}
		if length > end-min(s.read, end) {
			return errWire
		}
		raw, err := s.take(length)
		if err != nil {
			return err
		}
		switch number {
		case 1:
			var m metav1.ListMeta
			if err := m.Unmarshal(raw); err != nil {
				return err
			}
			s.head(m)
		case 2:
			if err := s.item(raw); err != nil {
				return err
			}
		}
	}
	return nil
}

// truncated makes of an end where more was promised an error.
func truncated(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
