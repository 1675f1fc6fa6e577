package validate

import "fmt"

// KeyError is a key of an annotation file that is missing or taken twice, or a reference to a record that
// is not there.
type KeyError struct {
	Table   string // the list that the records are in, as the file calls it: annotations; "" for the file itself
	Key     string // image_id, "" for the record itself
	Value   string // of the key, "" where it has none
	Problem string // what is wrong with it: is missing, is taken twice
	Row     int64  // in the list, of the first such record, from 0; -1 where it is a record that is not there
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
	if e.Table != "" && e.Row < 0 {
		text = e.Table + ": " + text
	} else if e.Table != "" {
		text = fmt.Sprintf("%s[%d]: %s", e.Table, e.Row, text)
	}
	if e.Rows > 1 {
		text += fmt.Sprintf(", as in %d more", e.Rows-1)
	}
	return text
}

// FieldError is a field of a question that holds something else than it should.
type FieldError struct {
	Field string // as schemas.Question names it; options[2] for the third option
	Value any    // what stands there
	Want  string // what should: text, the position of an option
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("%s is %v: want %s", e.Field, e.Value, e.Want)
}

// SchemaError is a table, or the manifest, that is not as the format has it.
type SchemaError struct {
	Column  string // dotted path, "" for the file as a whole
	Problem string
}

func (e *SchemaError) Error() string {
	if e.Column == "" {
		return e.Problem
	}
	return fmt.Sprintf("column %s %s", e.Column, e.Problem)
}

// ClaimError is a value that is not what was computed.
type ClaimError struct{ Column, Claim, Found string }

func (e *ClaimError) Error() string {
	return fmt.Sprintf("%s is %s, it should be %s", e.Column, e.Claim, e.Found)
}

// MissingError is something that should be there.
type MissingError struct{ What string }

func (e *MissingError) Error() string { return e.What }

// PyramidError is a lower resolution that was not made of level 0.
type PyramidError struct {
	Level   int
	Problem string
}

func (e *PyramidError) Error() string { return fmt.Sprintf("level %d %s", e.Level, e.Problem) }

// DrawnError is an instance whose run lengths are not the elements that the array has of it.
type DrawnError struct{ Lacks, Extra int64 }

func (e *DrawnError) Error() string {
	return fmt.Sprintf("its run lengths lack %d elements that the array has of it, and have %d that the array does not", e.Lacks, e.Extra)
}
