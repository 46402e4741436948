package cluster

import (
	"encoding/binary"
	"errors"
	"slices"
)

// errWire is the error for bytes that are no protobuf message.
var errWire = errors.New("it is no protobuf message") // never written to

// field is a field of a protobuf message as it stands in the message
// (https://protobuf.dev/programming-guides/encoding).
type field struct {
	number int
	raw    []byte // all of it, with its tag
	value  []byte // of a string, bytes or a message; nil of numbers
}

// firstField splits the first field off a message. Nothing is copied.
func firstField(msg []byte) (f field, rest []byte, err error) {
	tag, n := binary.Uvarint(msg)
	if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
		return field{}, nil, errWire
	}
	size := uint64(n)
	switch tag & 7 {
	case 0:
		_, m := binary.Uvarint(msg[n:])
		if m <= 0 {
			return field{}, nil, errWire
		}
		size += uint64(m)
	case 1:
		size += 8
	case 2:
		length, m := binary.Uvarint(msg[n:])
		if m <= 0 || length > uint64(len(msg)-n-m) {
			return field{}, nil, errWire
		}
		f.value = msg[n+m : n+m+int(length)]
		size += uint64(m) + length
	case 5:
		size += 4
	default:
		return field{}, nil, errWire
	}
	if size > uint64(len(msg)) {
		return field{}, nil, errWire
	}
	f.number, f.raw = int(tag>>3), msg[:size]
	return f, msg[size:], nil
}

// lookup returns the value of a message's first field of this number; nil
// when it has none, or is no message.
func lookup(msg []byte, number int) []byte {
	for len(msg) > 0 {
		f, rest, err := firstField(msg)
		if err != nil {
			return nil
		}
		if f.number == number {
			return f.value
		}
		msg = rest
	}
	return nil
}

// isTrue reports whether a boolean field of a message is set.
func isTrue(msg []byte, number int) bool {
	for len(msg) > 0 {
		f, rest, err := firstField(msg)
		if err != nil {
			return false
		}
		if f.number == number && f.value == nil {
			return f.raw[len(f.raw)-1] == 1
		}
		msg = rest
	}
	return false
}

// cut says what of a message is left out before it is decoded.
type cut struct {
	only []int             // the fields that stay; nil for all
	not  []int             // fields that go
	in   map[int]*cut      // fields of which a part goes
	key  func(string) bool // whether the message stays at all, by its first field: an entry of a map, a named item
}

// apply appends to dst what stays of a message.
func (c *cut) apply(dst, msg []byte) ([]byte, error) {
	for len(msg) > 0 {
		f, rest, err := firstField(msg)
		if err != nil {
			return nil, err
		}
		msg = rest
		if c.only != nil && !slices.Contains(c.only, f.number) || slices.Contains(c.not, f.number) {
			continue
		}
		inner := c.in[f.number]
		if inner == nil {
			dst = append(dst, f.raw...)
			continue
		}
		if inner.key != nil && !inner.key(string(lookup(f.value, 1))) {
			continue
		}
		if dst, err = inner.embed(dst, f); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// embed appends what stays of a field that is a message.
func (c *cut) embed(dst []byte, f field) ([]byte, error) {
	dst = binary.AppendUvarint(dst, uint64(f.number)<<3|2)
	start := len(dst)
	dst, err := c.apply(dst, f.value)
	if err != nil {
		return nil, err
	}
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(len(dst)-start))
	return slices.Insert(dst, start, length[:n]...), nil
}
