package itemfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/store"
)

// fileOf is a file of a text.
func fileOf(t testing.TB, name, text string) Object {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	info, err := s.Stat(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return Object{Store: s, Info: info}
}

// read gives the records of an input as "row: order" or "row: error".
func read(t testing.TB, in Input) (records []string, err error) {
	t.Helper()
	for u := range in.Units() {
		err := in.Read(t.Context(), u, nil, func(r Record) error {
			text := strings.Join(r.Order, ",")
			if r.Err != nil {
				text = "bad"
			}
			records = append(records, fmt.Sprintf("%d/%d: %s", r.Row, r.Line, text))
			return nil
		})
		if err != nil {
			return records, err
		}
	}
	return records, nil
}

func TestLines(t *testing.T) {
	in, damage, err := Open(t.Context(), fileOf(t, "a.jsonl", "{\"b\": 1, \"a\": null}\n\n{\"b\": }\r\n[1]\n{\"a\": 1, \"a\": 2}\n{\"c\": [1]}"), "train")
	if err != nil || damage != nil {
		t.Fatal(err, damage)
	}
	records, err := read(t, in)
	if want := "[0/1: b,a 1/3: bad 2/4: bad 3/5: bad 4/6: c]"; err != nil || fmt.Sprint(records) != want {
		t.Errorf("got %v, %v, want %s", records, err, want)
	}
}

func TestArray(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                              "[] <nil>",
		` [{"a": 1, "b": 2}, {"c": {}}] `: "[0/0: a,b 1/0: c] <nil>",
		`[{"a": 1}, 7, {"b": 1}]`:         "[0/0: a 1/0: bad 2/0: b] <nil>",
		`[{"a": 1}`:                       "the array does not end",
		`[{"a": 1}, {"b"`:                 "row 1: unexpected EOF",
		`[{"a": 1}] x`:                    "something stands behind the array",
		`{"a": 1}`:                        "want a JSON array",
		``:                                "want a JSON array",
	} {
		records, err := read(t, OpenArray(fileOf(t, "a.json", text), "train"))
		if got := fmt.Sprint(records, err); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestArrayCancelled(t *testing.T) {
	in := OpenArray(fileOf(t, "a.json", `[{"a": 1}, {"b": 2}]`), "")
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err := in.Read(ctx, 0, nil, func(Record) error {
		n++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || n != 1 {
		t.Errorf("%d records, %v", n, err)
	}
}

// fuzzed are what readers of JSON are given: whole files and broken ones.
var fuzzed = []string{
	"{\"a\": 1, \"b\": [null, {\"c\": \"d\"}]}\n{\"a\": 2}\n", "[{\"a\": 1}, {\"b\": 2}]", "[", "[{", "{\"a\"", "\n\n", "[1, \"x\", null]", "{\"a\": 1}{\"b\": 2}",
	"[{\"a\": 1}]]", "{\"a\": 1e999}", "{\"\\ud800\": 1}", "\xef\xbb\xbf{}", "[[[[[[[[[[", "{\"image_id\": \"a\", \"questions\": {\"stain\": {\"options\": [\"x\"], \"answer_idx\": \"0\"}}}",
}

// FuzzJSON: an input gives records in order, each an item or an error, and never panics. What is an item survives
// being written and read again.
func FuzzJSON(f *testing.F) {
	for _, text := range fuzzed {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := openLines(t.Context(), fileOf(t, "a.jsonl", text), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range []Input{lines, OpenArray(fileOf(t, "a.json", text), "")} {
			next := int64(0)
			for u := range in.Units() {
				_ = in.Read(t.Context(), u, nil, func(r Record) error {
					if r.Row != next || (r.Item == nil) != (r.Err != nil) {
						t.Errorf("record %d: row %d, %v, %v", next, r.Row, r.Item, r.Err)
					}
					next++
					if r.Err != nil {
						return nil
					}
					again, _, err := decodeObject([]byte(ToJSON(r.Item)))
					if err != nil || ToJSON(again) != ToJSON(r.Item) {
						t.Errorf("%v came back as %v, %v", r.Item, again, err)
					}
					return nil
				})
			}
		}
	})
}

func TestSplitOf(t *testing.T) {
	for key, want := range map[string]string{
		"train-00000-of-00002.parquet": "train", "data/test/x.jsonl": "test", "Train.csv": "train", "a_dev.json": "dev", "tests/x.json": "",
		"test/train.jsonl": "train", "valid_2.arrow": "valid", "contest.csv": "",
	} {
		if got := SplitOf(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}
