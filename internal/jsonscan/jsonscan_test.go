package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

func TestNumbers(t *testing.T) {
	for _, text := range []string{
		"0", "-0", "7", "-7.5", "123.45", "1e3", "1E-3", "0.1", "473.07", "9007199254740993", "1.7976931348623157e308", "5e-324",
		"123456789012345678901234567890", "0.000000000000000000000000000001", "17.123456789012345678", "1e22", "1e23", "-2.5e-10",
	} {
		got, err := NewCursor([]byte(text), 0).Float()
		want, _ := strconv.ParseFloat(text, 64)
		if err != nil || math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]int64{"0": 0, "-12": -12, "7.0": 7, "7e2": 700, "9223372036854775807": math.MaxInt64} {
		if got, err := NewCursor([]byte(text), 0).Int(); err != nil || got != want {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"7.5", "9223372036854775808", "1e300", "1e99999999999999999999"} {
		if got, err := NewCursor([]byte(text), 0).Int(); err == nil {
			t.Errorf("%s is taken as %d", text, got)
		}
	}
	if _, err := NewCursor([]byte("1e999"), 0).Float(); err == nil {
		t.Error("1e999 is a number")
	}
	if got, err := NewCursor([]byte(" [ 1 ,2.5,-3 ] "), 0).Floats(nil); err != nil || !slices.Equal(got, []float64{1, 2.5, -3}) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := NewCursor([]byte("[]"), 0).Ints(nil); err != nil || len(got) > 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestStrings(t *testing.T) {
	for _, text := range []string{`""`, `"a b"`, `"\\"`, `"\""`, `"a\\\"b"`, `"ä\u00e4\ud83d\ude00"`, `"\n\t\/"`, "\"\xff\"", `"PQ\\0n\\"`} {
		var want string
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		if got, err := NewCursor([]byte(text), 0).String(); err != nil || got != want {
			t.Errorf("%s is %q, %v", text, got, err)
		}
	}
	for _, text := range []string{`"`, `"\`, `"\"`, `"\x"`, "\"\n\"", `7`, ``} {
		if got, err := NewCursor([]byte(text), 0).String(); err == nil {
			t.Errorf("%s is taken as %q", text, got)
		}
	}
}

// malformed are texts with the offset at which they break.
var malformed = map[string]int64{
	``: 0, `{`: 1, `[`: 1, `[1`: 2, `[1,`: 3, `[1,]`: 3, `[1 2]`: 3, `{"a"}`: 4, `{"a":}`: 5, `{a:1}`: 1, `{"a":1,}`: 7,
	`[NaN]`: 1, `[01]`: 2, `[1.]`: 3, `[1e]`: 3, `[-]`: 2, `[tru]`: 1, `nul`: 0, `[1}`: 2, `1 1`: 2, `"a`: 2, `[1.5,-Infinity]`: 6,
	strings.Repeat("[", 1001): 1001,
}

func TestMalformed(t *testing.T) {
	for text, at := range malformed {
		for name, err := range map[string]error{"cursor": whole([]byte(text)), "reader": streamed(strings.NewReader(text), 16)} {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset != at {
				t.Errorf("%s: %s: %v, want an error at %d", name, text, err, at)
			}
		}
	}
}

func whole(data []byte) error {
	c := NewCursor(data, 0)
	if err := c.Skip(); err != nil {
		return err
	}
	return c.End()
}

func streamed(src io.Reader, limit int) error {
	r := NewReader(src, limit)
	if err := r.Skip(); err != nil {
		return err
	}
	return r.End()
}

// TestWindow reads elements that end everywhere in the window, byte by byte and with a longer one that the window grows for.
func TestWindow(t *testing.T) {
	var text bytes.Buffer
	text.WriteString("\ufeff { \"skip\": {\"a\": [1, {\"b\": null}], \"c\": \"]\"}, \"list\" : [ ")
	var want []string
	for i := range 60 {
		element := fmt.Sprintf(`{"id": %d, "text": "%s\\", "more": [[1,2],{}]}`, i, strings.Repeat("x\\\"}", i))
		want = append(want, element)
		if i > 0 {
			text.WriteString(" , ")
		}
		text.WriteString(element)
	}
	text.WriteString(` ] , "end": true } `)
	var got []string
	r := NewReader(iotest.OneByteReader(bytes.NewReader(text.Bytes())), 400)
	err := r.Object(func(key string) error {
		if key != "list" {
			return r.Skip()
		}
		return r.Array(func(c *Cursor) error {
			from := c.Offset()
			if err := c.Skim(); err != nil {
				return err
			}
			got = append(got, string(text.Bytes()[from:c.Offset()]))
			return nil
		})
	})
	if err := errors.Join(err, r.End()); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\n%q", err, got)
	}
	if err := NewReader(strings.NewReader(`"`+strings.Repeat("x", 100)+`"`), 50).Skip(); !errors.Is(err, ErrTooLong) {
		t.Errorf("a value past the limit: %v", err)
	}
	if err := NewReader(iotest.ErrReader(os.ErrClosed), 50).Skip(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a reader that fails: %v", err)
	}
}

// FuzzScan: what is JSON to encoding/json is so here, in memory and through a small window, and the other way round.
func FuzzScan(f *testing.F) {
	for text := range malformed {
		f.Add([]byte(text))
	}
	for _, name := range []string{`[1,2.5e3,"a\\",{"b":[null,true,false,-0.1]}]`, `"\ud800"`, "\"\xff\"", `{"":{}}`, ` 1 `} {
		f.Add([]byte(name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		valid := json.Valid(data)
		err := whole(data)
		if errors.Is(err, errShort) {
			t.Fatal("no typed error")
		}
		if valid != (err == nil) && !(err != nil && strings.Contains(err.Error(), "nested")) {
			t.Fatalf("%q: valid to encoding/json: %v; here: %v", data, valid, err)
		}
		if got := streamed(iotest.HalfReader(bytes.NewReader(data)), len(data)+1); !bytes.HasPrefix(data, []byte("\ufeff")) && offset(got) != offset(err) {
			t.Fatalf("%q: through a window %v, in memory %v", data, got, err)
		}
		if err != nil {
			return
		}
		c := NewCursor(data, 0)
		if err := c.Skim(); err != nil || c.End() != nil {
			t.Fatalf("%q: skimmed to %d: %v", data, c.Offset(), err)
		}
		var want any
		if json.Unmarshal(data, &want) == nil {
			scalar(t, data, want)
		}
	})
}

// offset is where an error is, -1 for none. What it says may hold less of a text that the window cut.
func offset(err error) int64 {
	var syntax *SyntaxError
	switch {
	case err == nil:
		return -1
	case errors.As(err, &syntax):
		return syntax.Offset
	}
	return -2
}

// scalar compares a number or a string with what the library makes of it.
func scalar(t *testing.T, data []byte, want any) {
	switch want := want.(type) {
	case float64:
		if got, err := NewCursor(data, 0).Float(); err != nil || got != want {
			t.Fatalf("%q is %v, %v", data, got, err)
		}
	case string:
		if got, err := NewCursor(data, 0).String(); err != nil || got != want {
			t.Fatalf("%q is %q, %v", data, got, err)
		}
	}
}
