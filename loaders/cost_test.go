package loaders

import (
	"math/rand/v2"
	"testing"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
)

// What a read is said to cost is counted again from the rows of the table.
func TestStats(t *testing.T) {
	f := newFixture(t)
	d := f.open(t, Options{})
	r := rand.New(rand.NewPCG(4, 2))
	for _, v := range f.volumes["a"] {
		for level := range int(v.Levels) {
			a, err := d.Array(t.Context(), "a", v.Name, level)
			if err != nil {
				t.Fatal(err)
			}
			warm(t, a)
			for range 10 {
				region := randomRegion(r, a.Shape())
				data := make([]byte, region.Elements()*a.DType().Size())
				got, err := a.Read(t.Context(), region, nd.Dense(data, region.Shape, a.DType().Size()))
				if err != nil {
					t.Fatal(err)
				}
				want := v.cost(t, level, region)
				const header = 64 // of a page, with the levels of the nulls before the payload
				if pages := int64(want.Chunks - want.EmptyChunks); got.Read < want.Payload+pages || got.Read > want.Payload+header*pages {
					t.Errorf("%s level %d %v: %d bytes read for payloads of %d in %d pages", v.Name, level, region, got.Read, want.Payload, pages)
				}
				want.Read = got.Read
				if got != want {
					t.Errorf("%s level %d %v: %+v, want %+v", v.Name, level, region, got, want)
				}
			}
		}
	}
}

// warm reads an array once, so that the page indexes of its row groups are in memory.
func warm(t *testing.T, a *Array) {
	t.Helper()
	whole := nd.Whole(a.Shape())
	data := make([]byte, whole.Elements()*a.DType().Size())
	if _, err := a.Read(t.Context(), whole, nd.Dense(data, whole.Shape, a.DType().Size())); err != nil {
		t.Fatal(err)
	}
}

// cost is what reading a region must cost, but for the bytes of pages around payloads.
func (v *volume) cost(t *testing.T, level int, region Region) Stats {
	t.Helper()
	g, err := newGrid(&v.Array, level)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(schemas.DType(v.DType).Size())
	s := Stats{Requested: int64(region.Elements()) * size}
	box := g.newBox()
	for i := range g.rows {
		g.box(i, box)
		if _, touched := box.Intersect(region); !touched {
			continue
		}
		s.Chunks++
		row := v.chunkRow(t, "a", level, i)
		if row.Data == nil {
			s.EmptyChunks++
			continue
		}
		s.Payload += int64(len(row.Data))
		s.Decoded += int64(box.Elements()) * size
	}
	return s
}

func TestAmplification(t *testing.T) {
	s := Stats{Read: 30, Payload: 20, Decoded: 400, Requested: 100}
	s.Add(Stats{Read: 10, Payload: 20, Decoded: 400, Requested: 100})
	if s.ReadAmplification() != 1 || s.DecodeAmplification() != 4 {
		t.Errorf("%v and %v, want 1 and 4", s.ReadAmplification(), s.DecodeAmplification())
	}
	if z := (Stats{}); z.ReadAmplification() != 0 || z.DecodeAmplification() != 0 {
		t.Errorf("of nothing: %v and %v", z.ReadAmplification(), z.DecodeAmplification())
	}
}
