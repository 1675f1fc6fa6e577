package pickle

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestReadsWhatIsWritten(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	w.Dict(func() {
		w.Text("none")
		w.None()
		w.Text("list")
		w.List(func() { w.Int(-5); w.Int(1 << 40); w.Bool(true); w.Float(2.5) })
		w.Text("tuple")
		w.Tuple(func() { w.Text("ä"); w.Bool(false) })
		w.Text("array")
		w.Array("<u2", []int{2, 3}, func() {
			w.Bytes(12)
			b.WriteString("ABCDEFGHIJKL")
		})
	})
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	v, err := Read(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	d := v.(*Dict).Items
	list, tuple, array := d["list"].(*List).Items, d["tuple"].(Tuple), d["array"].(*Array)
	if d["none"] != nil || list[0] != int64(-5) || list[1] != int64(1<<40) || list[2] != true || list[3] != 2.5 || tuple[0] != "ä" || tuple[1] != false {
		t.Errorf("%v %v", list, tuple)
	}
	l, err := array.Layout()
	if err != nil || string(array.Data) != "ABCDEFGHIJKL" || l.DType != "uint16" || l.BigEndian || l.Fortran || len(l.Shape) != 2 {
		t.Errorf("%+v, %v", array, err)
	}
}

// malformed are pickles that are refused, by what is said of them.
var malformed = map[string]string{
	"":            "0 are left",
	".":           "stack is empty",
	"\x80\x09.":   "protocol 9",
	"(.":          "a mark",
	"}\x8c\x01a.": "",
	"cos\nsystem\n(X\x02\x00\x00\x00ls\x85R.": `"system"`,
	"cbuiltins\neval\n.":                      `"eval"`,
	"X\xff\xff\xff\xffa.":                     "4294967295 bytes are promised",
	"\x8e\xff\xff\xff\xff\xff\xff\xff\xff.":   "are promised",
	"]K\x01\x85R.":                            "a call of",
	"]K\x01K\x02s.":                           "items for a",
	"}K\x01K\x02s.":                           "no text",
	"h\x05.":                                  "nothing in the memo",
	"\x94.":                                   "stack is empty",
	"P1\n.":                                   "none of plain data",
	"i os\nsystem\n.":                         "none of plain data",
	"\x81.":                                   "none of plain data",
	"cnumpy\ndtype\n)R.":                      "dtype of 0",
	"cnumpy\ndtype\n(X\x02\x00\x00\x00u2tRNb.":      "state is no tuple",
	"\x8a\x09\x01\x01\x01\x01\x01\x01\x01\x01\x01.": "64 bits",
	"c": "without an end",
}

func TestMalformed(t *testing.T) {
	for text, want := range malformed {
		_, err := Read([]byte(text))
		if want == "" {
			continue // a value of no use
		}
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for text := range malformed {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Read(data)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("no typed error: %v", err)
			}
			return
		}
		if a, ok := v.(*Array); ok && a.DType != nil {
			_, _ = a.Layout()
		}
	})
}
