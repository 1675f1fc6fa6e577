package validate

import "fmt"

// KeyError is a key of an annotation file that is missing or taken twice, or a reference to a record that
// is not there.
type KeyError struct {
	Table   string // the list that the records are in, as the file calls it: annotations
	Key     string // image_id
	Value   string // of the key, "" where it has none
	Problem string // what is wrong with it: is missing, is taken twice
	Row     int64  // in the list, of the first such record, from 0
	Rows    int64  // how many records have the same problem
}

func (e *KeyError) Error() string {
	value, more := "", ""
	if e.Value != "" {
		value = " " + e.Value
	}
	if e.Rows > 1 {
		more = fmt.Sprintf(", as in %d more", e.Rows-1)
	}
	return fmt.Sprintf("%s[%d]: %s%s %s%s", e.Table, e.Row, e.Key, value, e.Problem, more)
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
