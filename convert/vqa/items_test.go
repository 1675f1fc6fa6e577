package vqa

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/loaders"
)

// many is a data set of n items with three questions each, of two data sets and splits.
func many(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	lines := map[string]*strings.Builder{"train": {}, "test": {}}
	for i := range n {
		noise := make([]byte, 20_000)
		for k := range noise {
			noise[k] = byte(random.Uint32())
		}
		// A GIF would be refused: a PNG with a large chunk that means nothing.
		image := append(smallPNG(), noise...)
		name := fmt.Sprintf("%d.png", i)
		if err := os.WriteFile(filepath.Join(dir, name), image, 0o666); err != nil {
			t.Fatal(err)
		}
		dataset := fmt.Sprintf("%q", []string{"alpha", "beta", "gamma"}[i%3])
		if i%7 == 0 {
			dataset = "null"
		}
		q := func(kind string) string {
			return fmt.Sprintf(`%q: {"question": "%s of %d?", "options": ["a", "b"], "answer_idx": %d}`, kind, kind, i, i%2)
		}
		fmt.Fprintf(lines[[]string{"train", "test"}[i%2]], `{"image_id": "s%05d", "image": %q, "dataset": %s, "questions": {%s, %s}, "captions": {%s}}`+"\n",
			i, name, dataset, q("stain"), q("modality"), q("modality_0"))
	}
	for split, b := range lines {
		if err := os.WriteFile(filepath.Join(dir, split+".jsonl"), []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m, err := MapNamed("ubench")
	if err != nil {
		t.Fatal(err)
	}
	src, err := Open(s, dir, Options{Map: m, NoDecode: true, RowGroup: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	dst := filepath.Join(t.TempDir(), "out")
	if _, err := convert.Run(t.Context(), src, dst, convert.Options{}); err != nil {
		t.Fatal(err)
	}
	return dst
}

// smallPNG is the header of a PNG, which is all that is read without decoding.
func smallPNG() []byte {
	return []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x04\x00\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00")
}

func openDataset(t testing.TB, location string) *loaders.Dataset {
	t.Helper()
	d, err := loaders.Open(t.Context(), location, loaders.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func list(t testing.TB, d *loaders.Dataset, q loaders.ItemQuery) (out []*loaders.Item) {
	t.Helper()
	for i, err := range d.Items(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, i)
	}
	return out
}

// What a query finds is what looking at everything finds.
func TestItems(t *testing.T) {
	d := openDataset(t, many(t, 200))
	all := list(t, d, loaders.ItemQuery{})
	if len(all) != 600 {
		t.Fatalf("%d items", len(all))
	}
	for _, q := range []loaders.QuestionQuery{
		{Type: "stain"}, {Kind: "caption"}, {Dataset: "beta"}, {Split: "test", Type: "modality", Dataset: "gamma"},
		{Kind: "question", Type: "modality", Dataset: "alpha", Split: "train"}, {Type: "none"}, {Dataset: "none"},
	} {
		want := map[string]bool{}
		for _, i := range all {
			is := func(have *string, want string) bool { return want == "" || have != nil && *have == want }
			if is(&i.Sample.Split, q.Split) && is(&i.Question.Kind, q.Kind) && is(i.Question.Type, q.Type) && is(i.Sample.Dataset, q.Dataset) {
				want[i.Question.SampleID+i.Question.QuestionID] = true
			}
		}
		got := list(t, d, loaders.ItemQuery{QuestionQuery: q})
		for _, i := range got {
			if key := i.Question.SampleID + i.Question.QuestionID; !want[key] {
				t.Errorf("%+v: %s should not be there, or not twice", q, key)
			} else {
				delete(want, key)
			}
			if i.Sample.SampleID != i.Question.SampleID || i.Sample.Image != nil {
				t.Errorf("%+v: sample %+v", q, i.Sample)
			}
		}
		if len(want) > 0 {
			t.Errorf("%+v: %d are missing", q, len(want))
		}
	}
}

func TestItemImages(t *testing.T) {
	d := openDataset(t, many(t, 30))
	for _, i := range list(t, d, loaders.ItemQuery{Images: true}) {
		if !bytes.HasPrefix(i.Sample.Image.Bytes, smallPNG()) || len(i.Sample.Image.Bytes) != 20_000+len(smallPNG()) {
			t.Fatalf("%s: image of %d bytes", i.Sample.SampleID, len(i.Sample.Image.Bytes))
		}
	}
	n := 0
	for s, err := range d.SampleImages(t.Context(), []string{"s00007", "s00002", "none"}) {
		if n++; n == 3 {
			if !errors.Is(err, loaders.ErrNotFound) {
				t.Errorf("got %v", err)
			}
		} else if err != nil || s.SampleID != []string{"s00007", "s00002"}[n-1] || len(s.Image.Bytes) < 20_000 {
			t.Errorf("sample %d: %v", n, err)
		}
	}
	if p, err := loaders.Decode(pngOf(t, 3)); err != nil || p.Width != 3 || p.Layout != "L" || len(p.Data) != 9 {
		t.Errorf("decoded %+v, %v", p, err)
	}
	if _, err := loaders.Decode([]byte("no image")); err == nil {
		t.Error("no error")
	}
}

// A query over HTTP reads next to nothing of the images.
func TestItemsReadLittle(t *testing.T) {
	dir := many(t, 150)
	var served atomic.Int64
	files := http.FileServer(http.Dir(dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		files.ServeHTTP(&countingWriter{w, &served}, r)
	}))
	defer server.Close()
	d := openDataset(t, server.URL)
	if got := list(t, d, loaders.ItemQuery{QuestionQuery: loaders.QuestionQuery{Type: "stain", Dataset: "beta"}}); len(got) < 30 {
		t.Errorf("%d items", len(got))
	}
	if total := d.Manifest().Bytes(); total < 3_000_000 || served.Load() > total/5 {
		t.Errorf("%d bytes read of %d", served.Load(), total)
	}
}

type countingWriter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return c.ResponseWriter.Write(p)
}

func TestItemsCancelled(t *testing.T) {
	d := openDataset(t, many(t, 40))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range d.Items(ctx, loaders.ItemQuery{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}

// BenchmarkQuestions finds the questions of one type of one data set in the data set that
// MICROPQ_BENCH_DATASET names, as bench/vqa.sh does: opening it included, and left out.
func BenchmarkQuestions(b *testing.B) {
	location := os.Getenv("MICROPQ_BENCH_DATASET")
	if location == "" {
		b.Skip("MICROPQ_BENCH_DATASET is not set")
	}
	scan := func(d *loaders.Dataset) {
		n := 0
		for _, err := range d.Questions(b.Context(), loaders.QuestionQuery{Type: "stain", Dataset: "jung_et_al_2022"}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n == 0 {
			b.Fatal("no questions")
		}
	}
	b.Run("opened", func(b *testing.B) {
		d := openDataset(b, location)
		for b.Loop() {
			scan(d)
		}
	})
	b.Run("whole", func(b *testing.B) {
		for b.Loop() {
			d, err := loaders.Open(b.Context(), location, loaders.Options{})
			if err != nil {
				b.Fatal(err)
			}
			scan(d)
			if err := d.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
