package arrowstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/fisbe"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/batch"
	"github.com/micropq/micropq/loaders/draw"
)

// open converts the committed sample and draws from it.
func open(t *testing.T, o batch.Options) *batch.Loader {
	t.Helper()
	s, err := store.Open(t.Context(), "../../testdata/fisbe", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	src, err := fisbe.Open(s, "fisbe", fisbe.Options{Chunk: [3]int{16, 16, 16}})
	if err != nil {
		t.Fatal(err)
	}
	dst := filepath.Join(t.TempDir(), "out")
	if _, err := convert.Run(t.Context(), src, dst, convert.Options{}); err != nil {
		t.Fatal(err)
	}
	d, err := loaders.Open(t.Context(), dst, loaders.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	l, err := batch.New(t.Context(), []batch.Source{{Dataset: d}}, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func options() batch.Options {
	seed := uint64(3)
	return batch.Options{
		Arrays: []string{"raw", "gt_instances"}, Size: []int{5, 7, 40}, Count: 11, Foreground: 0.5,
		Shuffle: draw.Shuffle{Seed: &seed}, Partition: draw.Partition{Batch: 4},
	}
}

// What pyarrow reads is what the loader draws: tensors, uncopied, and what stands beside them.
func TestPyarrowReadsTheStream(t *testing.T) {
	python := oracle.Python(t)
	l, dir := open(t, options()), t.TempDir()
	var stream bytes.Buffer
	n := 0
	if err := Write(t.Context(), &stream, l, func(*batch.Batch) { n++ }); err != nil || n != 3 {
		t.Fatalf("%d batches, %v", n, err)
	}
	path := filepath.Join(dir, "stream.arrows")
	if err := os.WriteFile(path, stream.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Columns map[string]struct {
			DType string
			Shape []int
			Dims  []string
		}
		Rows []struct {
			SampleID                          string `json:"sample_id"`
			Origin                            []int
			Source, Instance, Epoch, Position int64
			State                             string
		}
	}
	if err := json.Unmarshal(oracle.Run(t, python, "testdata/dump.py", path, dir), &got); err != nil {
		t.Fatal(err)
	}
	tensors, row := map[string][]byte{}, 0
	for b, err := range l.Batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		state, err := json.Marshal(b.State)
		if err != nil {
			t.Fatal(err)
		}
		for _, tensor := range b.Tensors {
			tensors[tensor.Name] = append(tensors[tensor.Name], tensor.Data...)
			c := got.Columns[tensor.Name]
			if c.DType != string(tensor.DType) || len(c.Shape) != len(tensor.Shape)-1 || c.Shape[0] != tensor.Shape[1] || c.Dims[0] != tensor.Axes[1:2] {
				t.Errorf("%s is %+v, want %s of %v along %s", tensor.Name, c, tensor.DType, tensor.Shape, tensor.Axes)
			}
		}
		for _, item := range b.Items {
			r := got.Rows[row]
			if r.SampleID != item.Sample || r.Origin[2] != item.Origin[2] || r.Origin[0] != item.Origin[0] || r.Instance != item.Instance || r.Position != item.Position || r.State != string(state) {
				t.Errorf("row %d is %+v, want %+v", row, r, item)
			}
			row++
		}
	}
	if row != 11 || row != len(got.Rows) {
		t.Errorf("%d rows read, %d drawn, want 11", len(got.Rows), row)
	}
	for name, want := range tensors {
		if data, err := os.ReadFile(filepath.Join(dir, name+".bin")); err != nil || !bytes.Equal(data, want) {
			t.Errorf("%s: %d bytes read, %d drawn, or others (%v)", name, len(data), len(want), err)
		}
	}
}

// broken fails after so many bytes.
type broken struct{ left int }

var errBroken = errors.New("no one reads")

func (b *broken) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func TestWriteFails(t *testing.T) {
	l := open(t, options())
	if err := Write(t.Context(), &broken{20_000}, l, nil); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}

func TestTensorTooLarge(t *testing.T) {
	o := options()
	o.Size, o.Memory = []int{2000, 2000, 2000}, 1<<60
	if _, err := Schema(open(t, o)); err == nil {
		t.Error("2.4e10 elements in an Arrow list")
	}
}
