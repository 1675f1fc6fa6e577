package align

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
)

// scene is an image of discs that are drawn where its labels say, but for a shift.
type scene struct {
	dy, dx float64 // the image lies so far down and right of the labels
	grow   float64 // labels are drawn so much too large
	ring   bool    // the image shows membranes around the discs, else the discs
	noise  float64
	blank  bool // the image shows nothing but noise
	shade  float64
}

const side = 400

// estimate draws the scene and measures its shift.
func (s scene) estimate(t *testing.T) (Shift, bool) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 1))
	var masks []mask.Mask
	image := make([]float64, side*side)
	for i := range image {
		image[i] = 100 + s.noise*r.NormFloat64() + s.shade*float64(i%side)/side
	}
	for cy := 30; cy < side-20; cy += 45 {
		for cx := 30; cx < side-20; cx += 45 {
			y0, x0, radius := float64(cy)+r.Float64(), float64(cx)+r.Float64(), 10+5*r.Float64()
			var runs []mask.Run
			for y := cy - 20; y < cy+20; y++ {
				for x := cx - 20; x < cx+20; x++ {
					if math.Hypot(float64(y)-y0, float64(x)-x0) <= radius+s.grow {
						runs = append(runs, mask.Run{Y: int32(y), X: int32(x), N: 1})
					}
					in := radius - math.Hypot(float64(y)-y0-s.dy, float64(x)-x0-s.dx)
					switch {
					case s.blank:
					case s.ring:
						image[y*side+x] += 80 * math.Exp(-in*in/4)
					default:
						image[y*side+x] += 80 / (1 + math.Exp(-in/.7))
					}
				}
			}
			masks = append(masks, mask.Of(runs))
		}
	}
	e := New(masks, 1, side, side)
	for y := 0; y < side; y += 7 { // any cut into bands
		rows := image[y*side : min(side, y+7)*side]
		data := make([]byte, len(rows))
		for i, v := range rows {
			data[i] = byte(math.Round(min(255, max(0, v))))
		}
		e.Rows(0, 0, y, data, schemas.Uint8)
	}
	return e.Shift()
}

func TestShiftIsFound(t *testing.T) {
	for name, s := range map[string]scene{
		"none":                   {noise: 8},
		"half a pixel":           {dy: .5, dx: -.5, noise: 8},
		"membranes":              {dy: -1.3, dx: .7, ring: true, noise: 8},
		"membranes, none":        {ring: true, noise: 8},
		"two pixels":             {dy: 2, dx: 1.75, noise: 8},
		"drawn too large":        {grow: 2, noise: 8},
		"too small, and shifted": {grow: -2, dy: .8, dx: 1.2, noise: 8},
		"membranes inside":       {grow: 3, ring: true, noise: 8},
		"uneven light":           {dx: 1, noise: 4, shade: 60},
		"much noise":             {dx: 1, noise: 40},
	} {
		got, ok := s.estimate(t)
		if !ok {
			t.Errorf("%s: no shift", name)
			continue
		}
		t.Logf("%s: %+v", name, got)
		if tol := max(.05, 3*got.Error()); math.Abs(got.Y-s.dy) > tol || math.Abs(got.X-s.dx) > tol {
			t.Errorf("%s: shift %.2f, %.2f, want %.2f, %.2f", name, got.Y, got.X, s.dy, s.dx)
		}
		if got.Error() > .3 || got.Correlation < .9 {
			t.Errorf("%s: standard error %.2f, correlation %.2f", name, got.Error(), got.Correlation)
		}
	}
	if got, ok := (scene{blank: true, noise: 10}).estimate(t); ok && got.Correlation > .8 && got.Size() > 3*got.Error() {
		t.Errorf("an image that shows nothing has the shift %+v", got)
	}
	if _, ok := New([]mask.Mask{{{Y: 50, X: 50, N: 9}}}, 1, 100, 100).Shift(); ok {
		t.Error("one instance has a shift")
	}
}

// Of a volume with more runs than are needed some planes are left out.
func TestPlanes(t *testing.T) {
	var m mask.Mask
	for z := range int32(4) {
		for y := range int32(enough/4 + 1) {
			m = append(m, mask.Run{Z: z, Y: y, N: 1})
		}
	}
	if got := planes([]mask.Mask{m}); len(got) != 2 || !got[0] || !got[2] {
		t.Errorf("planes %v, want 0 and 2", got)
	}
	if got := planes([]mask.Mask{m[:9], {{Z: 7, N: 1}}}); len(got) != 2 || !got[7] {
		t.Errorf("planes %v, want 0 and 7", got)
	}
}
