package zarr

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
)

// maxMetadata bounds a metadata object, maxExtent an axis.
const (
	maxMetadata = 64 << 20
	maxExtent   = 1 << 48
)

// layout is how an array lies in its objects, from either version.
type layout struct {
	shape  []int
	dtype  schemas.DType
	keys   keyEncoding
	object []int   // extent of what one object holds: a shard, or a chunk
	chunk  block   // what is decoded at once
	shards *shards // nil where an object is one chunk
}

// shards is how chunks lie in the shards of an array.
type shards struct {
	*sharding
	order []int // the array's axis at each axis of a shard
}

// keyEncoding makes keys of objects, relative to the array.
type keyEncoding struct{ prefix, separator string }

// append adds the key of the object at a grid position.
func (k keyEncoding) append(b []byte, at []int) []byte {
	b = append(b, k.prefix...)
	for i, n := range at {
		if i > 0 || k.prefix != "" {
			b = append(b, k.separator...)
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	if len(at) == 0 && k.prefix == "" {
		b = append(b, '0') // the one chunk of an array without axes
	}
	return b
}

// separator checks a separator of chunk keys.
func separator(s, otherwise string) (string, error) {
	switch s {
	case "":
		return otherwise, nil
	case ".", "/":
		return s, nil
	}
	return "", fmt.Errorf("separator %q, want . or /", s)
}

// extents checks a shape and the shape of its chunks.
func extents(shape, chunks []int64) (s, c []int, err error) {
	if len(shape) != len(chunks) {
		return nil, nil, fmt.Errorf("a shape of %d axes in chunks of %d", len(shape), len(chunks))
	}
	if len(shape) > nd.MaxDims {
		return nil, nil, fmt.Errorf("%d axes, at most %d can be read", len(shape), nd.MaxDims)
	}
	s, c = make([]int, len(shape)), make([]int, len(chunks))
	for i := range shape {
		n := chunks[i]
		if n == 0 && shape[i] == 0 {
			n = 1 // as some writers cut an axis without elements
		}
		if shape[i] < 0 || n < 1 || shape[i] > maxExtent || n > maxExtent {
			return nil, nil, fmt.Errorf("extent %d in chunks of %d on axis %d", shape[i], chunks[i], i)
		}
		s[i], c[i] = int(shape[i]), int(n)
	}
	if _, ok := nd.CheckedElements(c); !ok {
		return nil, nil, fmt.Errorf("chunks of %v are too large", chunks)
	}
	if _, ok := nd.CheckedElements(grid(s, c)); !ok {
		return nil, nil, fmt.Errorf("%v in chunks of %v are too many chunks", shape, chunks)
	}
	return s, c, nil
}

// grid is the number of chunks along each axis.
func grid(shape, chunks []int) []int {
	g := make([]int, len(shape))
	for i := range g {
		g[i] = (shape[i] + chunks[i] - 1) / chunks[i]
	}
	return g
}

// decodeJSON reads a metadata object, also one of Python's json module, which writes NaN and
// Infinity bare.
func decodeJSON(data []byte, to any) error {
	err := json.Unmarshal(data, to)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		if quoted, changed := quoteNumbers(data); changed {
			err = json.Unmarshal(quoted, to)
		}
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) { // which speaks of the types of this package
		if wrong.Field != "" {
			return fmt.Errorf("%s: a JSON %s does not belong there (byte %d)", wrong.Field, wrong.Value, wrong.Offset)
		}
		return fmt.Errorf("a JSON %s does not belong there (byte %d)", wrong.Value, wrong.Offset)
	}
	return err
}

// quoteNumbers puts NaN, Infinity and -Infinity between quotes where they stand bare.
func quoteNumbers(data []byte) (out []byte, changed bool) {
	inString := false
	for i := 0; i < len(data); i++ {
		c := data[i]
		switch {
		case inString && c == '\\' && i+1 < len(data):
			out = append(out, c, data[i+1])
			i++
			continue
		case c == '"':
			inString = !inString
		case !inString && (c == 'N' || c == 'I' || c == '-'):
			if word := bareNumber(data[i:]); word != "" {
				out = append(append(append(out, '"'), word...), '"')
				i += len(word) - 1
				changed = true
				continue
			}
		}
		out = append(out, c)
	}
	return out, changed
}

func bareNumber(b []byte) string {
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if len(b) >= len(word) && string(b[:len(word)]) == word {
			return word
		}
	}
	return ""
}

// join is the key of an object of the node at a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "/" + key
}
