package pickle

import (
	"errors"
	"fmt"
)

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
