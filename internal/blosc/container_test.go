package blosc

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"testing"
)

// item is a frame and what it decodes to, as testdata/frames.py stores them.
type item struct {
	label        string
	plain, frame []byte
}

// eachItem calls do for every item of a container file and returns their number.
func eachItem(t testing.TB, path string, do func(item)) int {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r := bufio.NewReader(file)
	for count := 0; ; count++ {
		var parts [3][]byte
		for i := range parts {
			var size uint32
			err := binary.Read(r, binary.LittleEndian, &size)
			if i == 0 && errors.Is(err, io.EOF) {
				return count
			}
			if err != nil {
				t.Fatal(err)
			}
			parts[i] = make([]byte, size)
			if _, err := io.ReadFull(r, parts[i]); err != nil {
				t.Fatal(err)
			}
		}
		do(item{string(parts[0]), parts[1], parts[2]})
	}
}

func appendItem(b []byte, it item) []byte {
	for _, part := range [][]byte{[]byte(it.label), it.plain, it.frame} {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}
