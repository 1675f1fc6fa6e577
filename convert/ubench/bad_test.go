package ubench

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	flatbuffers "github.com/google/flatbuffers/go"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/vqa"
	"github.com/micropq/micropq/schemas"
)

// Every defect stops a conversion with a message that names file and row, and leaves no data
// set. With KeepGoing the good items are there, the others are listed, and the manifest
// says so.
func TestBadInput(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(t *testing.T, s *small) []byte
		want  []string // in the message
		row   int64    // that the list names
		where string
		lost  int64 // items
	}{
		"cut off": {func(t *testing.T, s *small) []byte {
			data := s.bytes(t)
			return data[:len(data)*9/10]
		}, []string{"u-test.arrow", "row 20", "cut off"}, 20, "", 10},
		"image does not decode": {func(t *testing.T, s *small) []byte {
			b := bytes.Clone(s.rows[7]["image"].(map[string]any)["bytes"].([]byte))
			b[len(b)/2] ^= 1
			s.rows[7]["image"].(map[string]any)["bytes"] = b
			return s.bytes(t)
		}, []string{"u-test.arrow, row 7 (id-007): image: damaged image"}, 7, "image", 1},
		"no image at all": {func(t *testing.T, s *small) []byte {
			s.rows[7]["image"].(map[string]any)["bytes"] = []byte("GIF89a")
			return s.bytes(t)
		}, []string{"u-test.arrow, row 7 (id-007): image: not a PNG, JPEG or TIFF image"}, 7, "image", 1},
		"image missing beside the source": {func(t *testing.T, s *small) []byte {
			s.rows[7]["image"] = map[string]any{"path": "x/7.png"}
			return s.bytes(t)
		}, []string{"row 7 (id-007): image: no image \"x/7.png\""}, 7, "image", 1},
		"answer out of range": {func(t *testing.T, s *small) []byte {
			s.question(12)["answer_idx"] = "2"
			return s.bytes(t)
		}, []string{"u-test.arrow, row 12 (id-012): questions.stain.answer_idx: answer 2 of 2 options"}, 12, "questions.stain.answer_idx", 1},
		"answer no number": {func(t *testing.T, s *small) []byte {
			s.question(12)["answer_idx"] = "b"
			return s.bytes(t)
		}, []string{"row 12 (id-012)", `have "b"`}, 12, "questions.stain.answer_idx", 1},
		"an id twice": {func(t *testing.T, s *small) []byte {
			s.rows[25]["image_id"] = "id-003"
			return s.bytes(t)
		}, []string{"u-test.arrow, row 25 (id-003): image_id: the id is taken by row 3 of u-test.arrow"}, 25, "image_id", 1},
		"no id": {func(t *testing.T, s *small) []byte {
			s.rows[4]["image_id"] = nil
			return s.bytes(t)
		}, []string{"u-test.arrow, row 4: image_id: the item has no id"}, 4, "image_id", 1},
		"options of the wrong type": {func(t *testing.T, s *small) []byte {
			s.schema = smallSchema(arrow.ListOf(arrow.PrimitiveTypes.Int64))
			for i := range s.rows {
				s.question(i)["options"] = []any{}
				s.question(i)["answer_idx"] = nil
			}
			s.question(6)["options"] = []any{1, 2}
			return s.bytes(t)
		}, []string{"u-test.arrow, row 6 (id-006): questions.stain.options: want a list of text"}, 6, "questions.stain.options", 1},
	} {
		t.Run(name, func(t *testing.T) {
			location := writeFile(t, test.spoil(t, smallItems(t, 30)))
			checkRefused(t, location, test.want)
			dst, r := convertFrom(t, location, vqa.Options{KeepGoing: true}, convert.Options{})
			if n := r.Manifest.Rows(schemas.SamplesTable); n != 30-test.lost {
				t.Errorf("%d samples, want %d", n, 30-test.lost)
			}
			if n := r.Manifest.Rows(schemas.QuestionsTable); n != 30-test.lost {
				t.Errorf("%d questions, want %d", n, 30-test.lost)
			}
			rows := rejectedRows(t, dst)
			if len(rows) != 1 || rows[0].File != "u-test.arrow" || rows[0].Row != test.row || rows[0].Where != test.where || rows[0].Error == "" {
				t.Errorf("the list says %+v", rows)
			}
			if p := r.Manifest.Partial; p == nil || p.Path != "rejected.jsonl" || p.Rejected != 1 {
				t.Errorf("the manifest says %+v", p)
			}
		})
	}
}

func checkRefused(t *testing.T, location string, want []string) {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "out")
	_, err := tryConvert(t, location, dst, vqa.Options{}, convert.Options{})
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %v, want %q in it", err, w)
		}
	}
	if _, err := os.Stat(filepath.Join(dst, schemas.ManifestName)); err == nil {
		t.Error("a manifest was left behind")
	}
}

// A string of 3 GB, in a file that claims and has it (it is sparse), is reported and never
// read.
func TestHugeString(t *testing.T) {
	const marker, huge = 7777, 3 << 30
	s := smallItems(t, 3)
	fields := append(s.schema.Fields(), arrow.Field{Name: "notes", Type: arrow.BinaryTypes.LargeString, Nullable: true})
	s.schema = arrow.NewSchema(fields, nil)
	s.batch = 1
	for i := range s.rows {
		s.rows[i]["notes"] = "short"
	}
	s.rows[2]["notes"] = strings.Repeat("x", marker)
	data := s.bytes(t)
	// The last batch: its offset, the buffer's length and the body's length are made larger.
	old, grown := binary.LittleEndian.AppendUint64(nil, marker), binary.LittleEndian.AppendUint64(nil, huge)
	if n := bytes.Count(data, old); n != 2 {
		t.Fatalf("%d places that say %d", n, marker)
	}
	at := bytes.Index(data, []byte(strings.Repeat("x", marker)))
	data = bytes.ReplaceAll(data, old, grown)
	field, body := lastBody(t, data)
	binary.LittleEndian.PutUint64(data[field:], uint64(at-body+huge))
	location := writeFile(t, data)
	if err := os.Truncate(filepath.Join(location, "u-test.arrow"), int64(at)+huge); err != nil {
		t.Skipf("no sparse file of 3 GB: %v", err)
	}
	checkRefused(t, location, []string{"u-test.arrow, row 2, column notes", "too large"})
}

// lastBody finds where the last message of a stream says how long its body is, and where
// its body begins.
func lastBody(t *testing.T, stream []byte) (field, body int) {
	t.Helper()
	for at := 0; ; {
		n := int(binary.LittleEndian.Uint32(stream[at+4:]))
		if n == 0 {
			return field, body
		}
		metadata := stream[at+8 : at+8+n]
		message := flatbuffers.Table{Bytes: metadata, Pos: flatbuffers.GetUOffsetT(metadata)}
		at += 8 + n
		const bodyLength = 10 // of the vtable
		if o := int(message.Offset(bodyLength)); o > 0 {
			field, body = at-n+int(message.Pos)+o, at
			at += int(binary.LittleEndian.Uint64(stream[field:]))
		}
	}
}
