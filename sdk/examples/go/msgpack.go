package main

import (
	"encoding/binary"
	"errors"
	"math"
)

var errNoMsgpack = errors.New("no msgpack")

const depthMax = 64

// unpack reads one value: nil, bool, int64, float64, string, list or map with texts as keys.
func unpack(data []byte) (interface{}, error) {
	r := reader{rest: data}
	value, err := r.value(0)
	if err == nil && len(r.rest) > 0 {
		err = errNoMsgpack
	}
	return value, err
}

type reader struct{ rest []byte }

func (r *reader) take(count uint64) ([]byte, error) {
	if count > uint64(len(r.rest)) {
		return nil, errNoMsgpack
	}
	taken := r.rest[:count]
	r.rest = r.rest[count:]
	return taken, nil
}

// number reads a big-endian number of 1, 2, 4 or 8 bytes.
func (r *reader) number(bytes uint64) (uint64, error) {
	taken, err := r.take(bytes)
	if err != nil {
		return 0, err
	}
	padded := make([]byte, 8)
	copy(padded[8-bytes:], taken)
	return binary.BigEndian.Uint64(padded), nil
}

func (r *reader) text(length uint64, err error) (interface{}, error) {
	if err != nil {
		return nil, err
	}
	taken, err := r.take(length)
	return string(taken), err
}

func (r *reader) list(length uint64, depth int, err error) (interface{}, error) {
	if err != nil || length > uint64(len(r.rest)) {
		return nil, errNoMsgpack
	}
	out := []interface{}{}
	for ; length > 0; length-- {
		item, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

func (r *reader) table(length uint64, depth int, err error) (interface{}, error) {
	if err != nil || length > uint64(len(r.rest)) {
		return nil, errNoMsgpack
	}
	out := map[string]interface{}{}
	for ; length > 0; length-- {
		key, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		name, isText := key.(string)
		if !isText {
			return nil, errNoMsgpack
		}
		if out[name], err = r.value(depth + 1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *reader) value(depth int) (interface{}, error) {
	if depth > depthMax {
		return nil, errNoMsgpack
	}
	kind, err := r.number(1)
	if err != nil {
		return nil, err
	}
	size := func(bytes uint64) (uint64, error) { return r.number(bytes) }
	switch {
	case kind < 0x80:
		return int64(kind), nil
	case kind < 0x90:
		return r.table(kind&0x0f, depth, nil)
	case kind < 0xa0:
		return r.list(kind&0x0f, depth, nil)
	case kind < 0xc0:
		return r.text(kind&0x1f, nil)
	case kind >= 0xe0:
		return int64(int8(kind)), nil
	}
	switch kind {
	case 0xc0:
		return nil, nil
	case 0xc2, 0xc3:
		return kind == 0xc3, nil
	case 0xc4, 0xc5, 0xc6:
		length, err := size(1 << (kind - 0xc4))
		return r.text(length, err)
	case 0xca:
		bits, err := r.number(4)
		return float64(math.Float32frombits(uint32(bits))), err
	case 0xcb:
		bits, err := r.number(8)
		return math.Float64frombits(bits), err
	case 0xcc, 0xcd, 0xce, 0xcf:
		number, err := r.number(1 << (kind - 0xcc))
		return int64(number), err
	case 0xd0, 0xd1, 0xd2, 0xd3:
		bytes := uint64(1) << (kind - 0xd0)
		number, err := r.number(bytes)
		shift := 64 - 8*bytes
		return int64(number<<shift) >> shift, err
	case 0xd9, 0xda, 0xdb:
		length, err := size(1 << (kind - 0xd9))
		return r.text(length, err)
	case 0xdc, 0xdd:
		length, err := size(2 << (kind - 0xdc))
		return r.list(length, depth, err)
	case 0xde, 0xdf:
		length, err := size(2 << (kind - 0xde))
		return r.table(length, depth, err)
	}
	return nil, errNoMsgpack
}
