package loaders

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/micropq/micropq/schemas"
)

func TestSamples(t *testing.T) {
	f := newFixture(t)
	d := f.open(t, Options{})
	list := func(q SampleQuery) string {
		var ids []string
		for s, err := range d.Samples(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			if line := "line of " + s.SampleID; s.Extra["line"] != line || fmt.Sprint(s.Extra["dim"]) != "[10 12]" || len(s.Extra) != 2 {
				t.Errorf("%s: extra columns %v", s.SampleID, s.Extra)
			}
			if (s.Preview != nil) != q.Pictures || len(s.Arrays) != 5 {
				t.Errorf("%s: %+v", s.SampleID, s)
			}
			ids = append(ids, s.SampleID)
		}
		return strings.Join(ids, " ")
	}
	tests := []struct {
		q    SampleQuery
		want string
	}{
		{SampleQuery{}, "a b c"},
		{SampleQuery{Split: "train", Pictures: true}, "a b"},
		{SampleQuery{Split: "test"}, ""},
		{SampleQuery{Glob: "[bc]"}, "b c"},
	}
	for _, tt := range tests {
		if got := list(tt.q); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.q, got, tt.want)
		}
	}
	for s, err := range d.Samples(t.Context(), SampleQuery{}) {
		if s.SampleID != "a" || err != nil {
			t.Errorf("%v, %v", s, err)
		}
		break // must end the reading
	}
	for _, err := range d.Samples(t.Context(), SampleQuery{Glob: "["}) {
		if err == nil {
			t.Error("bad pattern accepted")
		}
	}
	s, err := d.Sample(t.Context(), "b")
	if err != nil || s.SampleID != "b" || string(s.Preview.Bytes) != "\x89PNG of b" {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := d.Sample(t.Context(), "bb"); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown sample: %v", err)
	}
}

func TestInstances(t *testing.T) {
	f := newFixture(t)
	d := f.open(t, Options{})
	var ids []int64
	for in, err := range d.Instances(t.Context(), "b", "gt") {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, in.InstanceID)
	}
	if fmt.Sprint(ids) != "[10 11 12 13 14]" {
		t.Errorf("ids %v", ids)
	}
	for range d.Instances(t.Context(), "b", "raw") {
		t.Error("raw has instances")
	}
}

func TestSummary(t *testing.T) {
	f := newFixture(t)
	s, err := f.open(t, Options{}).Summary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range s.Arrays {
		want := ArraySummary{}
		for sample, split := range f.splits {
			if split != a.Split {
				continue
			}
			v := f.volume(sample, a.Array)
			want.Samples++
			for level := range int(v.Levels) {
				g, err := newGrid(&v.Array, level)
				if err != nil {
					t.Fatal(err)
				}
				want.Decoded += int64(len(v.levels[level]))
				for i := range g.rows {
					row := v.chunkRow(t, sample, level, i)
					want.Chunks++
					want.Stored += int64(len(row.Data))
					if row.Data == nil {
						want.Empty++
					}
					if level == 0 {
						want.Foreground += row.Foreground
					}
				}
			}
		}
		const pageOverhead = 64
		if a.Samples != want.Samples || a.Chunks != want.Chunks || a.Empty != want.Empty || a.Decoded != want.Decoded ||
			a.Foreground != want.Foreground || a.Stored < want.Stored || a.Stored > want.Stored+pageOverhead*a.Chunks {
			t.Errorf("%+v\nwant %+v", a, want)
		}
		if a.Array == "gt" && (a.Instances != int64(5*a.Samples) || *a.MinID != 10 || *a.MaxID != 14) {
			t.Errorf("%+v: wrong instances", a)
		}
	}
	if len(s.Arrays) != 10 || len(s.Tables) != 6 || s.Bytes == 0 || s.Version != schemas.FormatVersion() {
		t.Errorf("%+v", s)
	}
}
