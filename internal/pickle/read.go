package pickle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Limits that no file of plain data comes near.
const (
	maxStack = 1 << 20
	maxMemo  = 1 << 20
)

// mark is what the opcode MARK puts on the stack.
type mark struct{}

// machine is the pickle's stack machine.
type machine struct {
	data  []byte
	at    int
	stack []any
	memo  map[int]any
}

// Read interprets a pickle. Byte strings share the memory of data.
func Read(data []byte) (any, error) {
	m := &machine{data: data, memo: map[int]any{}}
	for {
		at := m.at
		done, err := m.step()
		var v any
		if done {
			v, err = m.pop()
		}
		if err != nil {
			return nil, fmt.Errorf("%w: at byte %d: %w", ErrFormat, at, err)
		}
		if done {
			return v, nil
		}
	}
}

func (m *machine) take(n uint64) ([]byte, error) {
	if n > uint64(len(m.data)-m.at) {
		return nil, fmt.Errorf("%d bytes are promised, %d are left", n, len(m.data)-m.at)
	}
	b := m.data[m.at : m.at+int(n) : m.at+int(n)]
	m.at += int(n)
	return b, nil
}

// sized takes a little-endian length of width bytes, and as many bytes as it says.
func (m *machine) sized(width int) ([]byte, error) {
	b, err := m.take(uint64(width))
	if err != nil {
		return nil, err
	}
	var n [8]byte
	copy(n[:], b)
	return m.take(binary.LittleEndian.Uint64(n[:]))
}

func (m *machine) integer(width int) (int64, error) {
	b, err := m.take(uint64(width))
	var n [8]byte
	copy(n[:], b)
	return int64(binary.LittleEndian.Uint64(n[:])), err
}

func (m *machine) line() (string, error) {
	i := bytes.IndexByte(m.data[m.at:], '\n')
	if i < 0 {
		return "", errors.New("a line without an end")
	}
	s := string(m.data[m.at : m.at+i])
	m.at += i + 1
	return s, nil
}

func (m *machine) push(v any) error {
	if len(m.stack) == maxStack {
		return errors.New("the stack is too high")
	}
	m.stack = append(m.stack, v)
	return nil
}

func (m *machine) pop() (any, error) {
	if len(m.stack) == 0 {
		return nil, errors.New("the stack is empty")
	}
	v := m.stack[len(m.stack)-1]
	if _, ok := v.(mark); ok {
		return nil, errors.New("a mark instead of a value")
	}
	m.stack = m.stack[:len(m.stack)-1]
	return v, nil
}

// popTo takes the values above the last mark, and the mark.
func (m *machine) popTo() ([]any, error) {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if _, ok := m.stack[i].(mark); ok {
			items := append([]any(nil), m.stack[i+1:]...)
			m.stack = m.stack[:i]
			return items, nil
		}
	}
	return nil, errors.New("no mark on the stack")
}

func (m *machine) popN(n int) (Tuple, error) {
	t := make(Tuple, n)
	for i := n - 1; i >= 0; i-- {
		v, err := m.pop()
		if err != nil {
			return nil, err
		}
		t[i] = v
	}
	return t, nil
}

func (m *machine) put(key int) error {
	if len(m.memo) == maxMemo || key < 0 {
		return errors.New("the memo is too large")
	}
	if len(m.stack) == 0 {
		return errors.New("the stack is empty")
	}
	m.memo[key] = m.stack[len(m.stack)-1]
	return nil
}

func (m *machine) get(key int64) error {
	v, ok := m.memo[int(key)]
	if !ok {
		return fmt.Errorf("nothing in the memo at %d", key)
	}
	return m.push(v)
}

// step does one opcode; done is true at the end of the pickle.
func (m *machine) step() (done bool, err error) {
	op, err := m.take(1)
	if err != nil {
		return false, err
	}
	switch op[0] {
	case '.': // STOP
		return true, nil
	case 0x80: // PROTO
		version, err := m.integer(1)
		if err == nil && version > 5 {
			err = fmt.Errorf("protocol %d", version)
		}
		return false, err
	case 0x95: // FRAME
		_, err := m.take(8)
		return false, err
	case '(':
		return false, m.push(mark{})
	case '0':
		_, err := m.pop()
		return false, err
	}
	if known, err := m.scalarOp(op[0]); known {
		return false, err
	}
	if known, err := m.memoOp(op[0]); known {
		return false, err
	}
	if known, err := m.containerOp(op[0]); known {
		return false, err
	}
	return false, m.callOp(op[0])
}

// scalarOp pushes a value that stands in the pickle.
func (m *machine) scalarOp(op byte) (known bool, err error) {
	var v any
	switch op {
	case 'N':
	case 0x88:
		v = true
	case 0x89:
		v = false
	case 'J':
		var n int64
		n, err = m.integer(4)
		v = int64(int32(n))
	case 'K':
		v, err = m.integer(1)
	case 'M':
		v, err = m.integer(2)
	case 'I':
		v, err = m.decimal()
	case 0x8a:
		v, err = m.long()
	case 'G':
		var b []byte
		if b, err = m.take(8); err == nil {
			v = math.Float64frombits(binary.BigEndian.Uint64(b))
		}
	case 'X', 0x8c, 0x8d, 'U', 'T':
		width := map[byte]int{'X': 4, 0x8c: 1, 0x8d: 8, 'U': 1, 'T': 4}[op]
		var b []byte
		b, err = m.sized(width)
		v = string(b)
	case 'B', 'C', 0x8e, 0x96:
		width := map[byte]int{'B': 4, 'C': 1, 0x8e: 8, 0x96: 8}[op]
		v, err = m.sized(width)
	default:
		return false, nil
	}
	if err != nil {
		return true, err
	}
	return true, m.push(v)
}

// decimal is an integer as a line of text; 00 and 01 are the booleans of protocol 0.
func (m *machine) decimal() (any, error) {
	s, err := m.line()
	if err != nil {
		return nil, err
	}
	if s == "00" || s == "01" {
		return s == "01", nil
	}
	return strconv.ParseInt(s, 10, 64)
}

// long is an integer in two's complement.
func (m *machine) long() (any, error) {
	b, err := m.sized(1)
	if err != nil {
		return nil, err
	}
	if len(b) > 8 {
		return nil, errors.New("an integer of more than 64 bits")
	}
	n := int64(0)
	for i, c := range b {
		n |= int64(c) << (8 * i)
	}
	if k := len(b); k > 0 && k < 8 && b[k-1]&0x80 != 0 {
		n -= 1 << (8 * k)
	}
	return n, nil
}

// memoOp keeps and fetches values.
func (m *machine) memoOp(op byte) (known bool, err error) {
	width := 1
	switch op {
	case 'q', 'r', 'h', 'j':
		if op == 'r' || op == 'j' {
			width = 4
		}
		key, err := m.integer(width)
		if err != nil {
			return true, err
		}
		if op == 'h' || op == 'j' {
			return true, m.get(key)
		}
		return true, m.put(int(key))
	case 0x94:
		return true, m.put(len(m.memo))
	}
	return false, nil
}

// containerOp makes and fills tuples, lists and dictionaries.
func (m *machine) containerOp(op byte) (known bool, err error) {
	var items []any
	switch op {
	case ')':
		return true, m.push(Tuple{})
	case ']':
		return true, m.push(&List{})
	case '}':
		return true, m.push(&Dict{Items: map[string]any{}})
	case 0x85, 0x86, 0x87:
		t, err := m.popN(int(op) - 0x84)
		if err != nil {
			return true, err
		}
		return true, m.push(t)
	case 't', 'l', 'e', 'u', 'd':
		items, err = m.popTo()
	case 'a':
		items, err = m.popN(1)
	case 's':
		items, err = m.popN(2)
	default:
		return false, nil
	}
	if err != nil {
		return true, err
	}
	switch op {
	case 't':
		return true, m.push(Tuple(items))
	case 'l':
		return true, m.push(&List{items})
	case 'd':
		if err := m.push(&Dict{Items: map[string]any{}}); err != nil {
			return true, err
		}
	}
	return true, m.fill(items, op)
}

// fill adds items to the list or dictionary on the stack.
func (m *machine) fill(items []any, op byte) error {
	if len(m.stack) == 0 {
		return errors.New("the stack is empty")
	}
	switch c := m.stack[len(m.stack)-1].(type) {
	case *List:
		if op == 'a' || op == 'e' {
			c.Items = append(c.Items, items...)
			return nil
		}
	case *Dict:
		if op == 'a' || op == 'e' || len(items)%2 != 0 {
			break
		}
		for i := 0; i < len(items); i += 2 {
			key, ok := items[i].(string)
			if !ok {
				return fmt.Errorf("a dictionary with a key that is no text: %T", items[i])
			}
			c.Items[key] = items[i+1]
		}
		return nil
	}
	return fmt.Errorf("items for a %T", m.stack[len(m.stack)-1])
}

// callOp names globals and calls them.
func (m *machine) callOp(op byte) error {
	switch op {
	case 'c':
		module, err := m.line()
		if err != nil {
			return err
		}
		name, err := m.line()
		if err != nil {
			return err
		}
		return m.global(module, name)
	case 0x93:
		t, err := m.popN(2)
		if err != nil {
			return err
		}
		module, ok := t[0].(string)
		name, ok2 := t[1].(string)
		if !ok || !ok2 {
			return errors.New("a global without a name")
		}
		return m.global(module, name)
	case 'R', 'b':
		t, err := m.popN(2)
		if err != nil {
			return err
		}
		if op == 'b' {
			if err := build(t[0], t[1]); err != nil {
				return err
			}
			return m.push(t[0])
		}
		g, ok := t[0].(global)
		args, ok2 := t[1].(Tuple)
		if !ok || !ok2 {
			return fmt.Errorf("a call of a %T", t[0])
		}
		v, err := g.call(args)
		if err != nil {
			return err
		}
		return m.push(v)
	}
	return fmt.Errorf("opcode %q is none of plain data", op)
}

func (m *machine) global(module, name string) error {
	g, ok := globals[module+" "+name]
	if !ok {
		return fmt.Errorf("it wants %.100q of module %.100q: only arrays, text, numbers, lists and dictionaries are read, and nothing is run", name, module)
	}
	return m.push(g)
}
