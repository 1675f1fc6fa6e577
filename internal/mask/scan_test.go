package mask

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/micropq/micropq/schemas"
)

// encoded is values as little-endian elements of d.
func encoded(d schemas.DType, values []int64) []byte {
	var b bytes.Buffer
	for _, v := range values {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], uint64(v))
		b.Write(word[:d.Size()])
	}
	return b.Bytes()
}

func TestScanner(t *testing.T) {
	const d, h, w = 2, 9, 37
	for _, dtype := range schemas.DTypes {
		if !dtype.Label() {
			continue
		}
		r := rand.New(rand.NewPCG(1, 2))
		values, want := make([]int64, d*h*w), map[int64][]Run{}
		for i := 0; i < len(values); {
			label, n := []int64{0, 0, 1, 100, 1}[r.IntN(5)], 1+r.IntN(30)
			if dtype == schemas.Bool {
				label = min(label, 1)
			}
			for ; n > 0 && i < len(values); n, i = n-1, i+1 {
				values[i] = label
				if label != 0 {
					want[label] = append(want[label], Run{int32(i / w / h), int32(i / w % h), int32(i % w), 1})
				}
			}
		}
		data, plane := encoded(dtype, values), h*w*dtype.Size()
		for _, planes := range [][]int{{0, 1}, {1, 0}} {
			var s Scanner
			for _, z := range planes {
				half := 4 * w * dtype.Size()
				for _, part := range []struct {
					y    int
					rows []byte
				}{{0, data[z*plane : z*plane+half]}, {4, data[z*plane+half : (z+1)*plane]}} {
					if err := s.Rows(part.rows, dtype, w, z, part.y); err != nil {
						t.Fatal(err)
					}
				}
			}
			seen := 0
			for label, m := range s.Instances() {
				seen++
				if !slices.Equal(m, Of(slices.Clone(want[label]))) {
					t.Errorf("%s: label %d, planes %v: %v", dtype, label, planes, m)
				}
			}
			if seen != len(want) || len(s.Labels()) != 0 {
				t.Errorf("%s: %d labels, want %d", dtype, seen, len(want))
			}
		}
	}
}

func TestScannerRefuses(t *testing.T) {
	var s Scanner
	err := s.Rows(encoded(schemas.Int16, []int64{0, 0, 4, -3}), schemas.Int16, 2, 0, 6)
	var label *LabelError
	if !errors.As(err, &label) || *label != (LabelError{Value: "-3", Y: 7, X: 1}) {
		t.Errorf("a negative label: %v", err)
	}
	if err := s.Rows(encoded(schemas.Uint64, []int64{-1}), schemas.Uint64, 1, 0, 0); !errors.As(err, &label) {
		t.Errorf("label 2^64-1: %v", err)
	}
	if err := s.Rows(make([]byte, 8), schemas.Float32, 2, 0, 0); err == nil {
		t.Error("floats are taken")
	}
	if err := s.Rows(make([]byte, 7), schemas.Uint16, 2, 0, 0); err == nil {
		t.Error("half a row is taken")
	}
	limited := Scanner{Limit: 2}
	if err := limited.Rows([]byte{1, 2, 3}, schemas.Uint8, 3, 0, 0); !errors.Is(err, ErrTooManyRuns) {
		t.Errorf("three runs where two are allowed: %v", err)
	}
}

// Elements that name no instance are told of and left out, of integers and floats alike.
func TestScannerTellsOfBadElements(t *testing.T) {
	floats := func(v ...float32) (data []byte) {
		for _, f := range v {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(f))
		}
		return data
	}
	for name, tt := range map[string]struct {
		d    schemas.DType
		data []byte
		bad  []string
	}{
		"int8":    {schemas.Int8, []byte{0, 3, 3, 0xff, 0xff, 0x80, 3, 0}, []string{"-1 at 3, 2 long", "-128 at 5, 1 long"}},
		"float32": {schemas.Float32, floats(0, 3, 3, 2.5, 2.5, -1, 3, float32(math.NaN())), []string{"2.5 at 3, 2 long", "-1 at 5, 1 long", "NaN at 7, 1 long"}},
		"infinite": {schemas.Float32, floats(float32(math.Copysign(0, -1)), 3, 3, float32(math.Inf(1)), 1e19, 0, 3, 0),
			[]string{"+Inf at 3, 1 long", "9.999999980506448e+18 at 4, 1 long"}},
	} {
		var bad []string
		s := Scanner{Bad: func(e *LabelError, n int) { bad = append(bad, fmt.Sprintf("%s at %d, %d long", e.Value, e.X, n)) }}
		if err := s.Rows(tt.data, tt.d, 8, 0, 0); err != nil {
			t.Fatal(err)
		}
		got := maps.Collect(s.Instances())
		if want := (map[int64]Mask{3: {{X: 1, N: 2}, {X: 6, N: 1}}}); !reflect.DeepEqual(got, want) || !reflect.DeepEqual(bad, tt.bad) {
			t.Errorf("%s: %v, told of %q, want %q", name, got, bad, tt.bad)
		}
	}
	if err := new(Scanner).Rows(floats(1), schemas.Float32, 1, 0, 0); err == nil {
		t.Error("floats are taken though nobody is told of bad ones")
	}
}

func TestScannerOfAPart(t *testing.T) {
	s := Scanner{Left: 7}
	if err := s.Rows([]byte{0, 5, 5, 6, 0, 0}, schemas.Uint8, 3, 2, 1); err != nil {
		t.Fatal(err)
	}
	got := map[int64]Mask{}
	for label, m := range s.Instances() {
		got[label] = m
	}
	if want := (map[int64]Mask{5: {{2, 1, 8, 2}}, 6: {{2, 2, 7, 1}}}); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestBadLabels(t *testing.T) {
	var b BadLabels
	for i := range maxBadLabels + 50 {
		b.Add(&LabelError{Value: fmt.Sprint(-1 - i)}, 2)
		b.Add(&LabelError{Value: "-1", X: 9}, 1)
	}
	errs := b.Errs()
	if len(errs) != maxBadLabels+1 {
		t.Fatalf("%d errors, want those of %d values and one for the rest", len(errs), maxBadLabels)
	}
	var first, rest *LabelError
	if !errors.As(errs[0], &first) || !errors.As(errs[maxBadLabels], &rest) || first.Value != "-1" || first.X != 0 || first.Count != 2+maxBadLabels+50 || rest.Count != 100 {
		t.Errorf("first %+v, the rest %+v", first, rest)
	}
}
