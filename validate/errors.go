package validate

import "fmt"

// KeyError is a key of an annotation file that is missing or taken twice, or a reference to a record that
// is not there.
type KeyError struct {
	Table   string // the list that the records are in, as the file calls it: annotations; "" for the file itself
	Key     string // image_id, "" for the record itself
	Value   string // of the key, "" where it has none
	Problem string // what is wrong with it: is missing, is taken twice
	Row     int64  // in the list, of the first such record, from 0
	Rows    int64  // how many records have the same problem
}

func (e *KeyError) Error() string {
	text := e.Problem
	if e.Value != "" {
		text = e.Value + " " + text
	}
	if e.Key != "" {
		text = e.Key + " " + text
	}
	if e.Table != "" {
		text = fmt.Sprintf("%s[%d]: %s", e.Table, e.Row, text)
	}
	if e.Rows > 1 {
		text += fmt.Sprintf(", as in %d more", e.Rows-1)
	}
	return text
}

// FieldError is a field of a question that does not hold what it should.
type FieldError struct {
	Field string // as schemas.Question names it; options[2] for the third option
	Value any    // what stands there, nil for null
	Want  string // what should: text, the position of an option
}

func (e *FieldError) Error() string {
	if e.Value == nil {
		return e.Field + " is null"
	}
	return fmt.Sprintf("%s is %v: want %s", e.Field, e.Value, e.Want)
}
