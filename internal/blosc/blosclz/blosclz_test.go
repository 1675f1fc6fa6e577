package blosclz

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// far is 8191 zero bytes and an "x", then the instructions of a far match.
func far(tail ...byte) []byte {
	s := []byte{0, 0, 7<<5 | 0}
	s = append(s, bytes.Repeat([]byte{255}, 32)...)
	s = append(s, 8190-9-32*255, 0)        // 1 literal + a match of 8190 zero bytes
	s = append(s, 0, 'x')                  // literal at 8191
	return append(append(s, tail...), 'y') // tail ends in a literal of one
}

func TestDecode(t *testing.T) {
	zeros := strings.Repeat("\x00", 8191)
	tests := []struct {
		name string
		src  []byte
		want string
	}{
		{"empty", nil, ""},
		{"literal", []byte{2, 'a', 'b', 'c'}, "abc"},
		{"kind bits of the first instruction are ignored", []byte{32 | 2, 'a', 'b', 'c'}, "abc"},
		{"longest literal", append([]byte{31}, strings.Repeat("q", 32)...), strings.Repeat("q", 32)},
		{"run", []byte{0, 'a', 1 << 5, 0, 0, 'b'}, "aaaab"},
		{"overlap of two", []byte{1, 'a', 'b', 3 << 5, 1, 0, 'c'}, "ababababc"[:7] + "c"},
		{"no overlap", []byte{3, 'a', 'b', 'c', 'd', 1 << 5, 3, 0, '.'}, "abcdabc."},
		{"long match", []byte{0, 'a', 7 << 5, 255, 2, 0, 0, 'b'}, strings.Repeat("a", 1+9+257) + "b"},
		{"ends with a match", []byte{0, 'a', 1 << 5, 0}, "aaaa"},
		{"farthest near match", far(1<<5|31, 254, 0), zeros + "x" + "\x00\x00\x00" + "y"},
		{"nearest far match", far(1<<5|31, 255, 0, 0, 0), zeros + "x" + "\x00\x00\x00" + "y"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dst := make([]byte, len(tt.want))
			n, err := Decode(dst, tt.src)
			if err != nil || string(dst[:n]) != tt.want {
				t.Errorf("got %d bytes %.40q, %v; want %d bytes %.40q", n, dst[:n], err, len(tt.want), tt.want)
			}
		})
	}
}

func TestDecodeCorrupt(t *testing.T) {
	tests := []struct {
		name string
		src  []byte
		room int
		want string
	}{
		{"literal past the input", []byte{3, 'a'}, 10, "byte 0: literal run of 4"},
		{"literal past the output", []byte{3, 'a', 'b', 'c', 'd'}, 3, "byte 0: literal run of 4"},
		{"match without offset", []byte{0, 'a', 32}, 10, "byte 2: match cut short"},
		{"length without end", []byte{0, 'a', 7 << 5, 255, 255}, 10000, "byte 2: match cut short"},
		{"length without offset", []byte{0, 'a', 7 << 5, 1}, 10000, "byte 2: match cut short"},
		{"far offset of one byte", []byte{0, 'a', 32 | 31, 255, 0}, 10, "byte 2: match cut short"},
		{"match before the start", []byte{0, 'a', 32, 1}, 10, "3 bytes, 2 back, with 1 written"},
		{"far match one before the start", far(1<<5|31, 255, 0, 1, 0), 9000, "8193 back, with 8192 written"},
		{"match past the output", []byte{0, 'a', 32, 0}, 3, "3 bytes, 1 back, with 1 written and 2 left"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode(make([]byte, tt.room), tt.src)
			if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want ErrCorrupt with %q", err, tt.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{1, 'a', 'b', 3 << 5, 1, 0, 'c'}, uint16(20))
	f.Add([]byte{0, 'a', 7 << 5, 255, 2, 0, 0, 'b'}, uint16(1000))
	f.Add(far(1<<5|31, 255, 0, 0, 0), uint16(9000))
	f.Fuzz(func(t *testing.T, src []byte, room uint16) {
		buf := bytes.Repeat([]byte{0xa5}, int(room)+8)
		n, err := Decode(buf[:room], src)
		if n > int(room) || !bytes.Equal(buf[room:], bytes.Repeat([]byte{0xa5}, 8)) {
			t.Fatalf("wrote past the %d bytes of dst", room)
		}
		if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatalf("untyped error %v", err)
		}
	})
}
