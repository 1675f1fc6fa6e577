package ubench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/vqa"
	"github.com/micropq/micropq/internal/store"
)

// small is a file of items as a test wants it: rows in the JSON that the Arrow library
// reads, bytes in base64.
type small struct {
	schema *arrow.Schema
	rows   []map[string]any
	batch  int // rows of a record batch
}

func smallSchema(options arrow.DataType) *arrow.Schema {
	text := arrow.BinaryTypes.String
	question := arrow.StructOf(
		arrow.Field{Name: "question", Type: text, Nullable: true},
		arrow.Field{Name: "options", Type: options, Nullable: true},
		arrow.Field{Name: "answer_idx", Type: text, Nullable: true},
	)
	return arrow.NewSchema([]arrow.Field{
		{Name: "image_id", Type: text, Nullable: true},
		{Name: "image", Nullable: true, Type: arrow.StructOf(
			arrow.Field{Name: "bytes", Type: arrow.BinaryTypes.Binary, Nullable: true},
			arrow.Field{Name: "path", Type: text, Nullable: true})},
		{Name: "dataset", Type: text, Nullable: true},
		{Name: "stain", Type: text, Nullable: true},
		{Name: "questions", Nullable: true, Type: arrow.StructOf(arrow.Field{Name: "stain", Type: question, Nullable: true})},
	}, nil)
}

func smallImage(t *testing.T, i int) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 40, 30))
	for k := range m.Pix {
		m.Pix[k] = uint8(k*k*7 + k*i)
	}
	m.SetGray(0, 0, color.Gray{uint8(i)})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func smallItems(t *testing.T, n int) *small {
	t.Helper()
	s := &small{schema: smallSchema(arrow.ListOf(arrow.BinaryTypes.String)), batch: 10}
	for i := range n {
		s.rows = append(s.rows, map[string]any{
			"image_id": fmt.Sprintf("id-%03d", i),
			"image":    map[string]any{"bytes": smallImage(t, i), "path": fmt.Sprintf("%d.png", i)},
			"dataset":  "d", "stain": "H&E",
			"questions": map[string]any{"stain": map[string]any{"question": "Which?", "options": []any{"a", "b"}, "answer_idx": "1"}},
		})
	}
	return s
}

// question is the question of a row.
func (s *small) question(row int) map[string]any {
	return s.rows[row]["questions"].(map[string]any)["stain"].(map[string]any)
}

// bytes is the file.
func (s *small) bytes(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(s.schema))
	for at := 0; at < len(s.rows); at += s.batch {
		text, err := json.Marshal(s.rows[at:min(at+s.batch, len(s.rows))])
		if err != nil {
			t.Fatal(err)
		}
		rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, s.schema, bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		err = w.Write(rec)
		rec.Release()
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (s *small) write(t *testing.T) string {
	t.Helper()
	return writeFile(t, s.bytes(t))
}

func writeFile(t *testing.T, data []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "u-test.arrow"), data, 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// failing is a source whose sessions stop after so many tasks.
type failing struct {
	convert.Source
	left int
}

var errStopped = errors.New("stopped")

func (f *failing) Session(ctx context.Context, tasks []convert.Task, res convert.Resources) (convert.Session, error) {
	if f.left--; f.left < 0 {
		return nil, errStopped
	}
	return f.Source.Session(ctx, tasks, res)
}

func interrupted(t *testing.T, location string, o vqa.Options, tasks int) (convert.Source, func()) {
	t.Helper()
	s, err := store.Open(t.Context(), location, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	src, err := Open(s, location, o)
	if err != nil {
		t.Fatal(err)
	}
	return &failing{src, tasks}, func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// rejectedRows reads the list of what was left out.
func rejectedRows(t *testing.T, dst string) (rows []convert.Rejection) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dst, "rejected.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var r convert.Rejection
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	return rows
}
