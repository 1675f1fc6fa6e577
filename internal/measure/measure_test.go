package measure

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/schemas"
)

// stackHeight and stackWidth are the image that the masks of the comparison lie in.
const stackHeight, stackWidth = 90, 110

// blot is a mask of a few ellipses, some of them cut out, and some noise.
func blot(r *rand.Rand) mask.Mask {
	var m mask.Mask
	for range 1 + r.IntN(4) {
		m = mask.Union(m, disc(r, 25))
	}
	for range r.IntN(3) {
		m = mask.Subtract(m, disc(r, 8))
	}
	if r.IntN(3) == 0 {
		for range 20 {
			m = mask.Union(m, mask.Mask{{Y: int32(r.IntN(stackHeight)), X: int32(r.IntN(stackWidth)), N: 1}})
		}
	}
	return m
}

func disc(r *rand.Rand, size float64) mask.Mask {
	cy, cx := r.Float64()*stackHeight, r.Float64()*stackWidth
	ry, rx := 1+r.Float64()*size, 1+r.Float64()*size
	slant := r.Float64()*2 - 1
	var runs []mask.Run
	for y := range stackHeight {
		for x := range stackWidth {
			dy := (float64(y) - cy) / ry
			dx := (float64(x)-cx)/rx + slant*dy
			if dx*dx+dy*dy < 1 {
				runs = append(runs, mask.Run{Y: int32(y), X: int32(x), N: 1})
			}
		}
	}
	return mask.Of(runs)
}

// simple are shapes whose measurements are all at some limit.
func simple() []mask.Mask {
	box := func(y0, x0, y1, x1 int32) mask.Mask {
		return mask.Box(schemas.BBox{Y0: y0, X0: x0, Z1: 1, Y1: y1, X1: x1})
	}
	var diagonal []mask.Run
	for i := range int32(40) {
		diagonal = append(diagonal, mask.Run{Y: i, X: i, N: 1})
	}
	return []mask.Mask{
		box(3, 3, 4, 4), box(3, 3, 4, 40), box(3, 3, 40, 4), box(0, 0, stackHeight, stackWidth), box(5, 64, 9, 128-64+2),
		mask.Of(diagonal), mask.Union(box(0, 0, 1, 1), box(80, 100, 81, 101)), mask.Union(box(0, 0, 1, 1), box(2, 91, 3, 92)),
		mask.Subtract(box(10, 10, 60, 80), box(11, 11, 59, 79)),
	}
}

// reference is what testdata/measure.py prints of a mask.
type reference struct {
	Perimeter   int64      `json:"Fiber_Perimeter"`
	Convexity   float64    `json:"Convexity"`
	Ellipse     [3]float64 `json:"ellipse"` // points of the contour, negative for one of several; axes
	Diameter    float64    `json:"equivalent_diameter"`
	FeretMax    float64    `json:"feret_max"`
	Crofton     float64    `json:"perimeter_crofton"`
	Solidity    float64    `json:"solidity"`
	Eccentric   float64    `json:"eccentricity"`
	Orientation float64    `json:"orientation"`
}

func TestMeasurementsEqualReference(t *testing.T) {
	python := oracle.Python(t)
	masks := simple()
	for seed := range uint64(150) {
		masks = append(masks, blot(rand.New(rand.NewPCG(seed, 3))))
	}
	stack := filepath.Join(t.TempDir(), "stack.npy")
	data, err := npy.Header(schemas.Bool, []int{len(masks), stackHeight, stackWidth})
	if err != nil {
		t.Fatal(err)
	}
	image := schemas.BBox{Z1: 1, Y1: stackHeight, X1: stackWidth}
	for _, m := range masks {
		pixels := make([]byte, stackHeight*stackWidth)
		mask.Paint(pixels, image, m, 1)
		data = append(data, pixels...)
	}
	if err := os.WriteFile(stack, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var want []reference
	if err := json.Unmarshal(oracle.Run(t, python, "testdata/measure.py", stack), &want); err != nil {
		t.Fatal(err)
	}
	for i, m := range masks {
		compare(t, i, Of(m, Image{Height: stackHeight, Width: stackWidth}), want[i])
	}
}

func compare(t *testing.T, i int, got Measurements, want reference) {
	t.Helper()
	if got.Perimeter != want.Perimeter || got.Convexity != want.Convexity {
		t.Errorf("mask %d: perimeter %d, convexity %v, want %d, %v", i, got.Perimeter, got.Convexity, want.Perimeter, want.Convexity)
	}
	for name, pair := range map[string][2]float64{
		"equivalent_diameter": {got.EquivalentDiameter, want.Diameter},
		"feret_max":           {got.FeretMax, want.FeretMax},
		"perimeter_crofton":   {got.PerimeterCrofton, want.Crofton},
		"solidity":            {got.Solidity, want.Solidity},
		"eccentricity":        {got.Eccentricity, want.Eccentric},
		"orientation":         {got.Orientation, want.Orientation},
	} {
		if math.Abs(pair[0]-pair[1]) > 1e-9*(1+math.Abs(pair[1])) {
			t.Errorf("mask %d: %s %v, want %v", i, name, pair[0], pair[1])
		}
	}
	var width, length int32
	if got.EllipseWidth != nil {
		width, length = *got.EllipseWidth, *got.EllipseLength
	}
	if int32(want.Ellipse[1]) != width || int32(want.Ellipse[2]) != length {
		t.Errorf("mask %d: ellipse %d, %d, want %v", i, width, length, want.Ellipse)
	}
}

// The calipers against every edge with every corner, and every pair of corners.
func TestCalipers(t *testing.T) {
	masks := simple()
	for seed := range uint64(200) {
		masks = append(masks, blot(rand.New(rand.NewPCG(seed, 8))))
	}
	for i, m := range masks {
		h := newHull(extents(m))
		ring := h.ring()
		most, least := 0.0, math.Inf(1)
		for j, a := range ring {
			b := ring[(j+1)%len(ring)]
			far := int64(0)
			for _, c := range ring {
				far = max(far, turn(a, b, c))
				most = max(most, math.Sqrt(float64(distance2(a, c)))/2)
			}
			least = min(least, float64(far)/math.Sqrt(float64(distance2(a, b)))/2)
		}
		if widest, narrowest := h.calipers(); widest != most || math.Abs(narrowest-least) > 1e-9 {
			t.Errorf("mask %d: %v and %v, want %v and %v", i, widest, narrowest, most, least)
		}
	}
}

// A converter embeds the measurements in its row of instances.
func TestMeasurementsAreColumns(t *testing.T) {
	type row struct {
		schemas.Instance
		Measurements
	}
	type solid struct {
		schemas.Instance
		Solid
	}
	for _, table := range []*schemas.Table{
		schemas.MustTableOf[row](schemas.InstancesTable, "flat"), schemas.MustTableOf[solid](schemas.InstancesTable, "solid"),
	} {
		for _, c := range table.Columns {
			if c.Doc == "" {
				t.Errorf("column %s does not say what it is", c.Name)
			}
		}
	}
}

func TestMicrometres(t *testing.T) {
	m := mask.Box(schemas.BBox{Z1: 1, Y0: 5, X0: 5, Y1: 15, X1: 25})
	px, um := Of(m, Image{Height: 40, Width: 40}), Of(m, Image{Height: 40, Width: 40, PixelSizeUM: 0.25})
	if px.AreaUM2 != nil || px.FeretMaxUM != nil {
		t.Error("micrometres without a pixel size")
	}
	if *um.AreaUM2 != 200./16 || *um.FeretMaxUM != um.FeretMax/4 || *um.FeretMinUM != um.FeretMin/4 ||
		*um.EquivalentDiameterUM != um.EquivalentDiameter/4 || *um.PerimeterCroftonUM != um.PerimeterCrofton/4 {
		t.Errorf("%+v", um.Shape)
	}
	if Of(nil, Image{}) != (Measurements{}) || SolidOf(nil, 1, 1, 1, [3]float64{}) != (Solid{}) {
		t.Error("an empty mask measures something")
	}
}

func TestShapeRule(t *testing.T) {
	pass := NCLSM{Area: 1000, Convexity: 1.1, BBoxL2Area: 2}
	for name, test := range map[string]struct {
		change func(*NCLSM)
		want   bool
	}{
		"as it is":            {func(*NCLSM) {}, true},
		"small":               {func(n *NCLSM) { n.Area = 210 }, false},
		"large":               {func(n *NCLSM) { n.Area = 27000 }, false},
		"bent":                {func(n *NCLSM) { n.Convexity = 1.19 }, false},
		"long box":            {func(n *NCLSM) { n.BBoxL2Area = 3.10 }, false},
		"cut by the border":   {func(n *NCLSM) { n.OnBorder = true }, false},
		"long ellipse":        {func(n *NCLSM) { n.EllipseAspect = ptr(2.3) }, false},
		"long in a short box": {func(n *NCLSM) { n.EllipseAspect, n.BBoxL2Area = ptr(2.3), 1.8 }, true},
	} {
		n := pass
		test.change(&n)
		if n.passes() != test.want {
			t.Errorf("%s: passes is %v", name, n.passes())
		}
	}
}
