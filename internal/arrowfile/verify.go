package arrowfile

import (
	"errors"
	"fmt"

	flatbuffers "github.com/google/flatbuffers/go"
)

const (
	maxDepth  = 64      // of types in types
	maxFields = 1 << 16 // of a schema, those below others too
)

// checkSchema checks what the Arrow library takes for granted of a schema: it allocates
// what a vector claims, and follows fields that contain themselves for ever.
func checkSchema(schema flatbuffers.Table) error {
	left := maxFields
	for _, f := range tables(&schema, 1) { // Schema.fields
		if err := checkField(f, &left, 0); err != nil {
			return err
		}
	}
	checkPairs(&schema, 2) // Schema.custom_metadata
	return nil
}

// checkField checks a Field: its children are field 5, its dictionary 4, its metadata 6.
func checkField(f flatbuffers.Table, left *int, depth int) error {
	if *left--; *left < 0 {
		return fmt.Errorf("more than %d fields", maxFields)
	}
	if depth > maxDepth {
		return errors.New("types nested too deep")
	}
	checkPairs(&f, 6)
	for _, c := range tables(&f, 5) {
		if err := checkField(c, left, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// checkPairs looks at every key and value of a vector of KeyValue.
func checkPairs(t *flatbuffers.Table, field int) {
	for _, kv := range tables(t, field) {
		for k := range 2 {
			if o := flatbuffers.UOffsetT(kv.Offset(slot(k))); o != 0 {
				_ = kv.ByteVector(o + kv.Pos)
			}
		}
	}
}

// tables are those of a vector of tables. It panics, in guard, over one that leaves the
// bytes.
func tables(t *flatbuffers.Table, field int) []flatbuffers.Table {
	o := flatbuffers.UOffsetT(t.Offset(slot(field)))
	if o == 0 {
		return nil
	}
	n, at := t.VectorLen(o), t.Vector(o)
	if n < 0 || int64(n) > (int64(len(t.Bytes))-int64(at))/4 {
		panic("a vector leaves the metadata")
	}
	out := make([]flatbuffers.Table, n)
	for i := range out {
		out[i] = flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(at + flatbuffers.UOffsetT(4*i))}
	}
	return out
}
