package convert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/micropq/micropq/schemas"
)

// numbers is a source of chunks, whose payloads are made of a seed, and of one sample in a
// second stage, whose source names the facts of the first. It counts the tasks it runs.
type numbers struct {
	shards int
	seed   byte
	// before is called at the start of every task and after its first row; an error ends it.
	before func(ctx context.Context, t Task, row int) error

	mu  sync.Mutex
	ran []string
}

const rowsOfShard = 3

func (n *numbers) Plan(context.Context) (*Plan, error) {
	p := &Plan{
		Name:    "numbers",
		Source:  schemas.Source{Name: "numbers", Title: "Numbers", Licence: "CC0-1.0", Citation: "none"},
		Options: map[string]any{"seed": int(n.seed)},
		Tables:  []*schemas.Table{schemas.Chunks, schemas.Samples},
	}
	for i := range n.shards {
		p.Tasks = append(p.Tasks, Task{Table: schemas.ChunksTable, Split: "train", Index: i, Count: n.shards,
			Chain: fmt.Sprint(i / 2), Work: 10, Detail: json.RawMessage(fmt.Sprintf(`{"i":%d}`, i))})
	}
	p.Tasks = append(p.Tasks, Task{Table: schemas.SamplesTable, Split: "train", Count: 1, Stage: 1, Chain: "samples", Detail: json.RawMessage(`{}`)})
	return p, nil
}

func (n *numbers) Session(_ context.Context, tasks []Task, res Resources) (Session, error) {
	return &numberSession{numbers: n, res: res}, nil
}

type numberSession struct {
	*numbers
	res Resources
}

func (s *numberSession) Close() error { return nil }

func (s *numberSession) check(ctx context.Context, t Task, row int) error {
	if s.before == nil {
		return nil
	}
	return s.before(ctx, t, row)
}

func (s *numberSession) Run(ctx context.Context, t Task, w *Shard) (any, error) {
	s.mu.Lock()
	s.ran = append(s.ran, t.Path())
	s.mu.Unlock()
	if err := s.check(ctx, t, 0); err != nil {
		return nil, err
	}
	if t.Stage == 1 {
		return nil, s.sample(w)
	}
	for row := range rowsOfShard {
		data := bytes.Repeat([]byte{s.seed, byte(t.Index), byte(row)}, 1000)
		c := schemas.Chunk{SampleID: "s", Array: "a", X: int32(t.Index*rowsOfShard + row), SizeT: 1, SizeC: 1, SizeZ: 1, SizeY: 1, SizeX: 1,
			DType: "uint8", Encoding: "raw", Data: data}
		if err := w.Write(&c); err != nil {
			return nil, err
		}
		if err := s.check(ctx, t, row+1); err != nil {
			return nil, err
		}
	}
	s.res.Progress(t.Work)
	return []int{t.Index, int(s.seed)}, nil
}

// sample writes what the first stage found out.
func (s *numberSession) sample(w *Shard) error {
	found := ""
	plan, err := s.Plan(context.Background())
	if err != nil {
		return err
	}
	for _, t := range plan.Tasks[:s.shards] {
		var facts []int
		if err := s.res.Facts(t, &facts); err != nil {
			return err
		}
		found += fmt.Sprint(facts)
	}
	return w.Write(&schemas.Sample{SampleID: "s", Dataset: new("numbers"), Split: "train", Source: found})
}

// files are the contents of a folder by path.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, p))
		out[p] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func checkSame(t *testing.T, got, want map[string]string) {
	t.Helper()
	for p := range want {
		if got[p] != want[p] {
			t.Errorf("%s has other bytes", p)
		}
	}
	for p := range got {
		if _, ok := want[p]; !ok {
			t.Errorf("%s should not be there", p)
		}
	}
}

// clean converts without a hitch.
func clean(t *testing.T, shards int) map[string]string {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "clean")
	if _, err := Run(t.Context(), &numbers{shards: shards}, dst, Options{}); err != nil {
		t.Fatal(err)
	}
	return files(t, dst)
}

// steps is a progress report that is checked: bytes never pass the total.
type steps struct {
	t           *testing.T
	mu          sync.Mutex
	total, done int64
	notes       []string
}

func (s *steps) Start(_ string, total int64) { s.total, s.done = total, 0 }
func (s *steps) Note(text string)            { s.notes = append(s.notes, text) }
func (s *steps) Stop()                       {}
func (s *steps) Add(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done += n; s.done > s.total {
		s.t.Errorf("%d bytes done of %d", s.done, s.total)
	}
}

func TestRun(t *testing.T) {
	want := clean(t, 5)
	if len(want) != 5+1+3 || want["manifest.json"] == "" || want["README.md"] == "" || want["croissant.json"] == "" {
		t.Errorf("%d files", len(want))
	}
	for _, jobs := range []int{1, 2, 8} {
		src, dst, report := &numbers{shards: 5}, filepath.Join(t.TempDir(), "out"), &steps{t: t}
		o := Options{Jobs: jobs, Progress: report}
		res, err := Run(t.Context(), src, dst, o)
		if err != nil || res.Written != 6 || res.Kept != 0 || report.done != report.total || report.total != 50 {
			t.Errorf("%+v, %v, %d of %d bytes", res, err, report.done, report.total)
		}
		checkSame(t, files(t, dst), want)
		src.ran = nil
		res, err = Run(t.Context(), src, dst, o)
		if err != nil || res.Written != 0 || res.Kept != 6 || len(src.ran) > 0 {
			t.Errorf("again: %+v, %v, ran %v", res, err, src.ran)
		}
		checkSame(t, files(t, dst), want)
	}
}

var errLuck = errors.New("no luck")

// fail converts until the task of shard i fails, after a row.
func fail(t *testing.T, dst string, shards, i int) {
	t.Helper()
	src := &numbers{shards: shards, before: func(_ context.Context, t Task, row int) error {
		if t.Table == schemas.ChunksTable && t.Index == i && row == 1 {
			return errLuck
		}
		return nil
	}}
	if _, err := Run(t.Context(), src, dst, Options{Jobs: 1}); !errors.Is(err, errLuck) {
		t.Fatalf("error %v", err)
	}
	left := files(t, dst)
	for p := range left {
		if strings.Contains(p, "/tmp/") || p == "manifest.json" {
			t.Errorf("a conversion that failed left %s", p)
		}
	}
}

// After a failure only what is missing is done, and whatever happened to the rest meanwhile
// is found out.
func TestResume(t *testing.T) {
	const shards, failing = 6, 5
	want := clean(t, shards)
	id := func(i int) string { return fmt.Sprintf("chunks_train-%05d-of-%05d.parquet", i, shards) }
	shard := func(i int) string { return fmt.Sprintf("chunks/train-%05d-of-%05d.parquet", i, shards) }
	flip := func(t *testing.T, path string) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	empty := func(t *testing.T, path string) {
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name   string
		damage func(t *testing.T, path string)
		path   string
		again  []int // shards done again
	}{
		{"nothing happened", func(*testing.T, string) {}, "", []int{5}},
		{"a receipt is gone", remove, ".micropq/receipts/" + id(2), []int{2, 5}},
		{"a receipt is empty", empty, ".micropq/receipts/" + id(0), []int{0, 5}},
		{"a shard is gone", remove, shard(1), []int{1, 5}},
		{"a shard is cut off", empty, shard(1), []int{1, 5}},
		{"a shard has another byte", flip, shard(4), []int{4, 5}},
		{"facts are gone", remove, ".micropq/facts/" + id(3), []int{3, 5}},
		{"facts are empty", empty, ".micropq/facts/" + id(3), []int{3, 5}},
		{"facts have another byte", flip, ".micropq/facts/" + id(3), []int{3, 5}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dst := filepath.Join(t.TempDir(), "out")
			fail(t, dst, shards, failing)
			tt.damage(t, filepath.Join(dst, filepath.FromSlash(tt.path)))
			src, report := &numbers{shards: shards}, &steps{t: t}
			res, err := Run(t.Context(), src, dst, Options{Progress: report})
			if err != nil {
				t.Fatal(err)
			}
			checkSame(t, files(t, dst), want)
			ran := []string{"samples/train-00000-of-00001.parquet"}
			for _, i := range tt.again {
				ran = append(ran, shard(i))
			}
			slices.Sort(ran)
			slices.Sort(src.ran)
			if !slices.Equal(src.ran, ran) || res.Written != len(ran) || res.Kept != shards+1-len(ran) {
				t.Errorf("ran %v, want %v; %+v", src.ran, ran, res)
			}
			if report.done != report.total || len(report.notes) != 1 {
				t.Errorf("%d of %d bytes, notes %q", report.done, report.total, report.notes)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	want := clean(t, 4)
	cause := errors.New("enough")
	for _, at := range []int{0, 1, rowsOfShard} {
		dst := filepath.Join(t.TempDir(), "out")
		ctx, cancel := context.WithCancelCause(t.Context())
		src := &numbers{shards: 4, before: func(_ context.Context, t Task, row int) error {
			if t.Index == 2 && row == at {
				cancel(cause)
			}
			return nil
		}}
		if _, err := Run(ctx, src, dst, Options{Jobs: 1}); !errors.Is(err, cause) {
			t.Errorf("cancelled at row %d: %v", at, err)
		}
		for p := range files(t, dst) {
			if strings.Contains(p, "/tmp/") || p == "manifest.json" {
				t.Errorf("cancelled at row %d it left %s", at, p)
			}
		}
		if _, err := Run(ctx, src, dst, Options{}); !errors.Is(err, cause) {
			t.Errorf("cancelled before it began: %v", err)
		}
		if _, err := Run(t.Context(), &numbers{shards: 4}, dst, Options{}); err != nil {
			t.Fatal(err)
		}
		checkSame(t, files(t, dst), want)
	}
}

// What somebody else made stays, and so does another conversion's work unless it may go.
func TestDestinationInUse(t *testing.T) {
	ours, other := &numbers{shards: 3}, &numbers{shards: 3, seed: 1}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine.txt"), []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	finished, unfinished := filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "out")
	if _, err := Run(t.Context(), ours, finished, Options{}); err != nil {
		t.Fatal(err)
	}
	fail(t, unfinished, 3, 2)
	for _, dst := range []string{full, finished, unfinished} {
		before := files(t, dst)
		if _, err := Run(t.Context(), other, dst, Options{}); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), dst) {
			t.Errorf("error %v", err)
		}
		checkSame(t, files(t, dst), before)
	}
	if _, err := Run(t.Context(), ours, full, Options{Overwrite: true}); !errors.Is(err, ErrExists) {
		t.Errorf("error %v", err)
	}
	want := filepath.Join(t.TempDir(), "want")
	if _, err := Run(t.Context(), other, want, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, dst := range []string{finished, unfinished} {
		if res, err := Run(t.Context(), other, dst, Options{Overwrite: true}); err != nil || res.Kept != 0 {
			t.Errorf("%+v, %v", res, err)
		}
		checkSame(t, files(t, dst), files(t, want))
	}
}

// Two conversions into one folder at once would spoil each other, with --overwrite too.
func TestLocked(t *testing.T) {
	dst := filepath.Join(t.TempDir(), "out")
	src := &numbers{shards: 3}
	plan, err := src.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e, err := Execute(t.Context(), src, plan, dst, Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := files(t, dst)
	for _, overwrite := range []bool{false, true} {
		if _, err := Run(t.Context(), src, dst, Options{Overwrite: overwrite}); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "another micropq is writing") {
			t.Errorf("error %v", err)
		}
		checkSame(t, files(t, dst), before)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if res, err := Run(t.Context(), src, dst, Options{}); err != nil || res.Kept != 4 {
		t.Errorf("%+v, %v", res, err)
	}
}

// Commit believes the receipts only as far as it can see.
func TestCommitChecks(t *testing.T) {
	src := &numbers{shards: 2}
	plan, err := src.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(path string) error{
		"cut off": func(path string) error { return os.Truncate(path, 10) },
		"gone":    os.Remove,
	} {
		dst := filepath.Join(t.TempDir(), "out")
		e, err := Execute(t.Context(), src, plan, dst, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := damage(filepath.Join(dst, "chunks", "train-00001-of-00002.parquet")); err != nil {
			t.Fatal(err)
		}
		if _, err := Commit(t.Context(), e); err == nil || !strings.Contains(err.Error(), "train-00001") {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dst, "manifest.json")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: there is a manifest", name)
		}
		if res, err := Run(t.Context(), src, dst, Options{}); err != nil || res.Written != 1 {
			t.Errorf("%s: going on: %+v, %v", name, res, err)
		}
	}
}

// A finished data set that was damaged since is not called complete.
func TestDamagedSince(t *testing.T) {
	src, dst := &numbers{shards: 2}, filepath.Join(t.TempDir(), "out")
	if _, err := Run(t.Context(), src, dst, Options{}); err != nil {
		t.Fatal(err)
	}
	want := files(t, dst)
	path := filepath.Join(dst, "chunks", "train-00001-of-00002.parquet")
	data := []byte(want["chunks/train-00001-of-00002.parquet"])
	data[100] ^= 1
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), src, dst, Options{}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "train-00001") {
		t.Errorf("error %v", err)
	}
	if _, err := Run(t.Context(), src, dst, Options{Overwrite: true}); err != nil {
		t.Fatal(err)
	}
	checkSame(t, files(t, dst), want)
}

// A run killed between the manifest and the end leaves its work folder, which the next removes.
func TestWorkFolderLeftBehind(t *testing.T) {
	src, dst := &numbers{shards: 2}, filepath.Join(t.TempDir(), "out")
	if _, err := Run(t.Context(), src, dst, Options{}); err != nil {
		t.Fatal(err)
	}
	want := files(t, dst)
	if err := os.MkdirAll(filepath.Join(dst, workName, "tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	if res, err := Run(t.Context(), src, dst, Options{}); err != nil || res.Written != 0 {
		t.Errorf("%+v, %v", res, err)
	}
	if _, err := os.Stat(filepath.Join(dst, workName)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the work folder is still there")
	}
	checkSame(t, files(t, dst), want)
}

func TestFingerprint(t *testing.T) {
	print := func(change func(p *Plan)) string {
		t.Helper()
		p, err := (&numbers{shards: 2}).Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		change(p)
		fp, err := p.Fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		return fp
	}
	same := print(func(*Plan) {})
	for name, change := range map[string]func(p *Plan){
		"nothing": func(*Plan) {},
		"notes":   func(p *Plan) { p.Notes = []string{"a note"} },
	} {
		if print(change) != same {
			t.Errorf("%s changes the fingerprint", name)
		}
	}
	for name, change := range map[string]func(p *Plan){
		"options": func(p *Plan) { p.Options["seed"] = 2 },
		"detail":  func(p *Plan) { p.Tasks[0].Detail = json.RawMessage(`{"i":9}`) },
		"source":  func(p *Plan) { p.Source.Location = "elsewhere" },
		"tasks":   func(p *Plan) { p.Tasks = p.Tasks[1:] },
	} {
		if print(change) == same {
			t.Errorf("%s do not change the fingerprint", name)
		}
	}
}
