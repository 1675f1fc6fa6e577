package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzSealed gives lines the sums that they lack, so that what they say is read.
func FuzzSealed(f *testing.F) {
	entry := `{"seq":1,"group":1,"time":"2026-03-04T05:06:07Z","author":"ann","op":"replace","sample":"s","array":"a","instance":3,"version":0,` +
		`"before":{"class":"AM","reasons":null,"status":null,"annotator":null,"revision":null,"shape":{"bbox":{"z0":0,"y0":0,"x0":0,"z1":1,"y1":1,"x1":2},"area":2,"centroid":{"z":0,"y":0,"x":0.5},"rle":[0,2]}},` +
		`"after":{"class":"AM","reasons":null,"status":null,"annotator":null,"revision":1,"shape":{"bbox":null,"area":null,"centroid":null,"rle":null}}}`
	undo := `{"seq":2,"group":2,"time":"2026-03-04T05:06:07Z","author":"ann","op":"undo","of":1,"sample":"s","array":"a","instance":3,"version":1,"before":{"class":"AM","reasons":null,"status":null,"annotator":null,"revision":1,"shape":{"bbox":null,"area":null,"centroid":null,"rle":null}},"after":null}`
	f.Add([]byte(entry))
	f.Add([]byte(entry + "\n" + undo))
	f.Add([]byte(`{"seq":1,"group":1,"left":1}`))
	file := filepath.Join(f.TempDir(), "any.jsonl")
	f.Fuzz(func(t *testing.T, lines []byte) {
		text, sum, err := sealed("", &header{Journal: headerName, Version: headerVersion})
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.SplitSeq(lines, []byte("\n")) {
			if !bytes.HasSuffix(line, []byte("}")) {
				continue
			}
			body := line[:len(line)-1]
			sum = sumOf(sum, body)
			text = append(append(text, body...), sumKey+sum+"\"}\n"...)
		}
		if err := os.WriteFile(file, text, 0o666); err != nil {
			t.Fatal(err)
		}
		j, err := Read(context.Background(), file)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("no typed error: %v", err)
			}
			return
		}
		for e, err := range j.Entries(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			if err := e.check(); err != nil {
				t.Fatalf("an entry that was read is refused: %v", err)
			}
			if _, err := json.Marshal(e); err != nil {
				t.Fatal(err)
			}
		}
	})
}
