package rules_test

import (
	"context"
	"math"
	"testing"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/target"
)

// planted makes a plant of a defect and a near miss that differ in one thing.
func planted[T any](make func(t *testing.T, dir string, v T) []validate.Target, defect, nearMiss T) plant {
	return plant{
		func(t *testing.T, dir string) []validate.Target { return make(t, dir, defect) },
		func(t *testing.T, dir string) []validate.Target { return make(t, dir, nearMiss) },
	}
}

// labelImage plants label images of a type.
func labelImage(d schemas.DType, defect, nearMiss *grid) plant {
	return planted(func(t *testing.T, dir string, g *grid) []validate.Target {
		return open(t, g.npy(t, dir, "labels.npy", d), target.Options{})
	}, defect, nearMiss)
}

// counted has the ids 1 to n, and one more.
func counted(n int, more float64) *grid {
	g := newGrid(2, n+1)
	for i := range n {
		g.values[i] = float64(i + 1)
	}
	g.values[n] = more
	return g
}

var pixelPlants = map[string]plant{
	"PX001": planted(func(t *testing.T, dir string, width int) []validate.Target {
		image := newGrid(5, width).npy(t, dir, "image.npy", schemas.Uint16)
		return open(t, newGrid(5, 4).npy(t, dir, "labels.npy", schemas.Uint8), target.Options{Image: image})
	}, 5, 4),
	"PX002": planted(func(t *testing.T, dir string, d schemas.DType) []validate.Target {
		return open(t, drawn("11.22").npy(t, dir, "labels.npy", d), target.Options{})
	}, schemas.Float32, schemas.Int64),
	"PX003": labelImage(schemas.Uint8, counted(254, 255), counted(253, 254)),
	"PX004": planted(func(t *testing.T, dir string, resolution uint32) []validate.Target {
		return open(t, drawn("11.22").tiff(t, dir, "labels.tif", "", resolution), target.Options{})
	}, 0, 20000),
	"PX005": planted(func(t *testing.T, dir string, theC int) []validate.Target {
		return open(t, drawn("11.22").tiff(t, dir, "labels.tif", ome(1, 5, theC), 0), target.Options{})
	}, 1, 0),
	"PX006": labelImage(schemas.Uint8, counted(40, 255), counted(40, 254)),
	"PX008": planted(func(t *testing.T, dir string, rows int) []validate.Target {
		const width, zstandard = 1 << 16, 50000
		return open(t, write(t, dir, "labels.tif", tiff(rows, width, zeros(t, rows*width), zstandard, "", 0)), target.Options{})
	}, 1<<13+1, 1<<8),
}

var labelPlants = map[string]plant{
	"LB001": labelImage(schemas.Int16, drawn("11.22").box(-1, 0, 2, 1, 3), drawn("11.22")),
	"LB002": labelImage(schemas.Uint8, drawn("11.33"), drawn("22.11")),
	"LB003": labelImage(schemas.Uint8, newGrid(9, 9).box(1, 2, 2, 7, 7), newGrid(9, 9).box(1, 2, 2, 7, 7).box(1, 2, 7, 3, 8)),
	"LB004": labelImage(schemas.Uint8, drawn("11.", "11.", "...", "1.."), drawn("11.", "11.", "..1", "...")),
	"LB005": labelImage(schemas.Uint8, drawn("1111", "1.11", "111."), drawn("1111", "1.11", "1.11")),
	"LB006": labelImage(schemas.Uint8, drawn("11..", "11..", ".22."), drawn("11..", "11..", "..22")),
	"LB007": labelImage(schemas.Uint8, newGrid(20, 60).box(1, 2, 2, 12, 12).box(1, 2, 40, 12, 50), newGrid(20, 60).box(1, 2, 2, 12, 12).box(1, 2, 20, 12, 30)),
	"LB012": planted(shiftedDiscs, 0.75, 0.25),
	"LB013": labelImage(schemas.Uint16, squares(6, 20, func(i int) int { return 90 + 10*(i%3) + i/35*200 }), squares(6, 20, func(i int) int { return 90 + 10*(i%3) + i/35*80 })),
}

// shiftedDiscs are labels and their image, which lies dx right of them.
func shiftedDiscs(t *testing.T, dir string, dx float64) []validate.Target {
	const side, cell, radius = 300, 50, 14
	labels, image := newGrid(side, side), newGrid(side, side)
	for i := range image.values {
		y, x := i/side, i%side
		cy, cx := float64(y/cell*cell+cell/2), float64(x/cell*cell+cell/2)
		if math.Hypot(float64(y)-cy, float64(x)-cx) < radius {
			labels.values[i] = float64(y/cell*(side/cell) + x/cell + 1)
		}
		image.values[i] = math.Round(30 + 200/(1+math.Exp(math.Hypot(float64(y)-cy, float64(x)-cx-dx)-radius)))
	}
	path := image.npy(t, dir, "image.npy", schemas.Uint8)
	return open(t, labels.npy(t, dir, "labels.npy", schemas.Uint16), target.Options{Image: path})
}

// neurons is a FISBe sample with a channel for each box of X, as wide as it says and 8 deep and high.
func neurons(t *testing.T, dir string, xs [][2]int) []validate.Target {
	const side = 16
	labels := newGrid(len(xs), side, side, side)
	for c, x := range xs {
		for z := range 8 {
			labels.box(float64(c+2), (c*side+z)*side, x[0], (c*side+z)*side+8, x[1])
		}
	}
	return sample(t, dir, "completely/train", labels)
}

// sample is a FISBe sample in a folder.
func sample(t *testing.T, dir, folder string, labels *grid) []validate.Target {
	root := folder + "/R14A02-20180905_65_A6.zarr/volumes/"
	newGrid(append([]int{3}, labels.shape[1:]...)...).zarr(t, dir, root+"raw", schemas.Uint16)
	labels.zarr(t, dir, root+"gt_instances", schemas.Uint16)
	return open(t, dir, target.Options{As: target.FISBe})
}

var overlapPlants = map[string]plant{
	"OV001": planted(func(_ *testing.T, _ string, x int32) []validate.Target {
		in := func(id int64, x int32) *validate.Instance {
			return &validate.Instance{ID: id, Mask: mask.Mask{{X: x, N: 9}}, Kind: validate.Tissue}
		}
		return []validate.Target{layerTarget{&validate.Layer{Kind: validate.Tissue, Exclusive: true, Instances: []*validate.Instance{in(1, 0), in(2, x)}}}}
	}, 8, 9),
	"OV002": planted(neurons, [][2]int{{0, 10}, {0, 9}}, [][2]int{{0, 10}, {0, 8}}),
	"OV003": planted(func(t *testing.T, dir string, label float64) []validate.Target {
		g := newGrid(2, 4, 4, 4)
		g.values[0], g.values[64] = label, label
		return sample(t, dir, "completely/train", g)
	}, 5, 1),
}

// layerTarget shows a layer: no file of one id an element holds an overlap, and limits of a plant are the rules' own.
type layerTarget struct{ layer *validate.Layer }

func (layerTarget) Name() string { return "layer" }

func (l layerTarget) Walk(ctx context.Context, p *validate.Pass) error {
	p.Layer(ctx, l.layer)
	return nil
}

var subsetPlants = map[string]plant{
	"CL006": planted(func(t *testing.T, dir, folder string) []validate.Target {
		return sample(t, dir, folder, newGrid(1, 4, 4, 4).box(1, 0, 0, 2, 2))
	}, "mine/train", "partly/train"),
}

var agreementPlants = map[string]plant{
	"AG001": planted(twoAnnotations, target.Options{}, target.Options{Coverage: "all"}),
	"AG002": planted(twoAnnotations, target.Options{Coverage: "all"}, target.Options{Coverage: "0:2"}),
}

// twoAnnotations agree in the first two rows only.
func twoAnnotations(t *testing.T, dir string, o target.Options) []validate.Target {
	o.Second = drawn("11.22", "11.22", ".....", "1....").npy(t, dir, "second.npy", schemas.Uint8)
	return open(t, drawn("11.22", "11.22", ".....", "33.44", "33.44").crop(4).npy(t, dir, "first.npy", schemas.Uint8), o)
}

// crop is the first rows.
func (g *grid) crop(rows int) *grid {
	return &grid{[]int{rows, g.shape[1]}, g.values[:rows*g.shape[1]]}
}

// TestOverlapsOfFilesThatMayOverlap looks for overlaps in COCO only where they are not allowed.
func TestOverlapsOfFilesThatMayOverlap(t *testing.T) {
	path := write(t, t.TempDir(), "a.json", []byte(`{"images":[{"id":1,"width":20,"height":20,"file_name":"a.png"}],"categories":[{"id":1,"name":"cell"}],"annotations":[
		{"id":1,"image_id":1,"category_id":1,"iscrowd":0,"area":36,"bbox":[2,2,6,6],"segmentation":[[2,2,8,2,8,8,2,8]]},
		{"id":2,"image_id":1,"category_id":1,"iscrowd":0,"area":36,"bbox":[6,6,6,6],"segmentation":[[6,6,12,6,12,12,6,12]]}]}`))
	for always, want := range []int{0, 1} {
		all := tuned()
		for i := range all {
			if all[i].ID == "OV001" {
				all[i].Values["always"] = float64(always)
			}
		}
		if n := findings(t, "OV001", all, open(t, path, target.Options{})); n != want {
			t.Errorf("always %d: %d findings, want %d", always, n, want)
		}
	}
}
