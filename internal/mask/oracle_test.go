package mask

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/schemas"
)

// ours is what testdata/masks.py is given of a mask, theirs what it prints.
type ours struct {
	Counts   string           `json:"counts"`
	Outlines [][][][2]float64 `json:"outlines"`
}

type theirs struct {
	Counts       string  `json:"counts"`
	DecodedEqual bool    `json:"decoded_equal"`
	Area         int64   `json:"area"`
	Pieces       [2]int  `json:"pieces"`
	Holes        [2]int  `json:"holes"`
	Valid        bool    `json:"valid"`
	PolygonArea  float64 `json:"polygon_area"`
}

func describe(m Mask, h, w int) (o ours) {
	o.Counts = CompressCounts(m.COCO(h, w))
	o.Outlines = [][][][2]float64{}
	for _, p := range m.Outlines() {
		var rings [][][2]float64
		for _, r := range p.Rings() {
			var ring [][2]float64
			for _, v := range r {
				ring = append(ring, [2]float64{v.X, v.Y})
			}
			rings = append(rings, ring)
		}
		o.Outlines = append(o.Outlines, rings)
	}
	return o
}

func TestMasksAgainstOthers(t *testing.T) {
	python := oracle.Python(t)
	const h, w = 24, 31
	var masks []Mask
	var said []ours
	stack, _ := npy.Header(schemas.Bool, []int{80, h, w})
	for seed := range uint64(80) {
		r := rand.New(rand.NewPCG(seed, 11))
		m := random(r, 1, h, w, []float64{0, .03, .3, .6, 1}[seed%5])
		pixels := make([]byte, h*w)
		Paint(pixels, image(h, w), m, 1)
		masks, said, stack = append(masks, m), append(said, describe(m, h, w)), append(stack, pixels...)
	}
	dir := t.TempDir()
	text, err := json.Marshal(said)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"stack.npy": stack, "ours.json": text} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var want []theirs
	answer := oracle.Run(t, python, "testdata/masks.py", filepath.Join(dir, "stack.npy"), filepath.Join(dir, "ours.json"))
	if err := json.Unmarshal(answer, &want); err != nil {
		t.Fatal(err)
	}
	for i, m := range masks {
		got := theirs{
			Counts: said[i].Counts, DecodedEqual: true, Area: m.Area(), Valid: true, PolygonArea: float64(m.Area()),
			Pieces: [2]int{m.CountPieces(Faces), m.CountPieces(Corners)},
			Holes:  [2]int{m.CountHoles(Faces), m.CountHoles(Corners)},
		}
		if got != want[i] {
			t.Errorf("mask %d: %+v, want %+v", i, got, want[i])
		}
		counts, err := ExpandCounts(want[i].Counts)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := FromCOCO(counts, h, w); err != nil || !slices.Equal(back, m) {
			t.Errorf("mask %d: pycocotools' counts decode to %v, %v", i, back, err)
		}
	}
}
