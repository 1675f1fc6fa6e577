package npy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/micropq/micropq/schemas"
)

// Descr is the array-protocol type string of an element type, such as <u2.
func Descr(d schemas.DType) (string, error) { return descriptor(d) }

// ParseDescr is the element type of a type string without its byte order, such as u2.
func ParseDescr(s string) (schemas.DType, error) {
	if len(s) < 2 || kinds[s[:1]] == "" {
		return "", fmt.Errorf("npy type %q: want a bool, an integer or a float", s)
	}
	size, err := strconv.Atoi(s[1:])
	name := kinds[s[:1]]
	if name != "bool" {
		name += strconv.Itoa(8 * size)
	}
	d, unknown := schemas.ParseDType(name)
	if err != nil || size > 8 || unknown != nil || d.Size() != size {
		return "", fmt.Errorf("npy type %q: want a bool, an integer or a float", s)
	}
	return d, nil
}

// objectDict is that of one Python object, which follows as a pickle.
const objectDict = "{'descr': '|O', 'fortran_order': False, 'shape': (), }"

// ObjectHeader is the header of a file that holds one Python object, as numpy.save writes a
// dictionary.
func ObjectHeader() []byte {
	dict := objectDict + strings.Repeat(" ", 2*align-len(magic)-2-len(objectDict)-1) + "\n"
	return append([]byte(magic), append([]byte{byte(len(dict)), 0}, dict...)...)
}

var objectEntry = regexp.MustCompile(`'descr'\s*:\s*'\|?O'`)

// Object is the pickle in a file of Python objects.
func Object(file []byte) ([]byte, error) {
	if len(file) < 12 || !bytes.HasPrefix(file, []byte(Magic)) {
		return nil, fmt.Errorf("%w: it begins with %.6q", ErrFormat, file)
	}
	start, length := 10, int(binary.LittleEndian.Uint16(file[8:]))
	if file[6] != 1 {
		start, length = 12, int(binary.LittleEndian.Uint32(file[8:]))
	}
	if length > maxHeader || length > len(file)-start {
		return nil, fmt.Errorf("npy header: %d bytes do not fit", length)
	}
	dict := file[start : start+length]
	if !objectEntry.Match(dict) {
		return nil, fmt.Errorf("npy header %q: the file holds no Python object", bytes.TrimSpace(dict))
	}
	return file[start+length:], nil
}
