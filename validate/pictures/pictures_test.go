package pictures

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/fisbe"
	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/testdata/gen/fisbegen"
	"github.com/micropq/micropq/validate"
)

// picture writes an image of bytes as .npy.
func picture(t *testing.T, name string, height, width int, value func(y, x int) byte) string {
	t.Helper()
	data, err := npy.Header(schemas.Uint8, []int{height, width})
	if err != nil {
		t.Fatal(err)
	}
	for y := range height {
		for x := range width {
			data = append(data, value(y, x))
		}
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func finding(target string, n int, id int64, box schemas.BBox) *validate.Finding {
	return &validate.Finding{Rule: "LB003", Fingerprint: fmt.Sprintf("%016x", n), Place: validate.Place{Target: target, Instance: &id, BBox: &box}}
}

func drawn(t *testing.T, o Options, findings ...*validate.Finding) map[string]string {
	t.Helper()
	files, err := Draw(t.Context(), filepath.Join(t.TempDir(), "pictures"), findings, o)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func open(t *testing.T, file string) image.Image {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// colours counts pixels.
func colours(m image.Image) map[color.NRGBA]int {
	n := map[color.NRGBA]int{}
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			n[color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)]++
		}
	}
	return n
}

// rectangle is a box of id 7 beside one of id 9.
func rectangle(y, x int) byte {
	switch {
	case y >= 20 && y < 24 && x >= 30 && x < 40:
		return 7
	case y >= 20 && y < 24 && x >= 42 && x < 60:
		return 9
	}
	return 0
}

var rectangleBox = schemas.BBox{Y0: 20, X0: 30, Z1: 1, Y1: 24, X1: 40}

func TestLabelImage(t *testing.T) {
	labels := picture(t, "labels.npy", 50, 70, rectangle)
	f := finding(labels, 1, 7, rectangleBox)
	files := drawn(t, Options{}, f)
	file := files[f.Fingerprint]
	if filepath.Base(file) != "LB003-0000000000000001.png" {
		t.Errorf("file %q", file)
	}
	m := open(t, file)
	// 10 and twice 8 wide, 4 and twice 8 high; 9 pixels an element, lines of one.
	const scale, line = 256 / 26, 1
	if b := m.Bounds(); b.Dx() != 26*scale || b.Dy() != 20*scale {
		t.Fatalf("%v", b)
	}
	n := colours(m)
	w, h := 10*scale, 4*scale
	if got, want := n[instanceColour], w*h-(w-2*line)*(h-2*line); got != want {
		t.Errorf("the outline has %d pixels, want %d", got, want)
	}
	if n[otherColour] == 0 || n[filled[instance]] == 0 || n[nothing] == 0 {
		t.Errorf("colours %v", n)
	}
	// The same over an image: the outline stays, what is below it is the image.
	grey := picture(t, "image.npy", 50, 70, func(y, x int) byte { return byte(3*x + y) })
	n = colours(open(t, drawn(t, Options{Image: grey}, f)[f.Fingerprint]))
	if n[instanceColour] != w*h-(w-2*line)*(h-2*line) || n[filled[instance]] > 500 || len(n) < 40 {
		t.Errorf("%d colours, %d pixels of outline", len(n), n[instanceColour])
	}
}

// A finding without an instance shows its box.
func TestBox(t *testing.T) {
	labels := picture(t, "labels.npy", 50, 70, rectangle)
	f := finding(labels, 1, 0, schemas.BBox{Y0: 2, X0: 3, Z1: 1, Y1: 3, X1: 4})
	f.Instance = nil
	m := open(t, drawn(t, Options{}, f)[f.Fingerprint])
	n := colours(m)
	const scale, line = 256 / 12, 4 // the margin ends at the border
	if want := scale*scale - (scale-2*line)*(scale-2*line); n[instanceColour] != want {
		t.Errorf("the box has %d pixels, want %d", n[instanceColour], want)
	}
}

// A large box is shown in steps.
func TestLargeBox(t *testing.T) {
	labels := picture(t, "labels.npy", 900, 1500, func(y, x int) byte {
		if y > 50 && y < 800 && x > 50 && x < 1400 {
			return 3
		}
		return 0
	})
	f := finding(labels, 1, 3, schemas.BBox{Y0: 51, X0: 51, Z1: 1, Y1: 800, X1: 1400})
	m := open(t, drawn(t, Options{}, f)[f.Fingerprint])
	if b := m.Bounds(); b.Dx() > side || b.Dx() < side/2 || colours(m)[instanceColour] < 300 {
		t.Errorf("%v, %d pixels of outline", b, colours(m)[instanceColour])
	}
}

// The number of pictures is bounded, over all and in each group, and without a box there is none.
func TestBounds(t *testing.T) {
	labels := picture(t, "labels.npy", 50, 70, rectangle)
	var all []*validate.Finding
	for i := range 40 {
		f := finding(labels, i, 7, rectangleBox)
		f.Rule = fmt.Sprintf("LB%03d", i%4)
		all = append(all, f)
	}
	none := finding(labels, 100, 7, rectangleBox)
	none.BBox = nil
	all = append([]*validate.Finding{none}, all...)
	for o, want := range map[Options]int{{}: 20, {Most: 6}: 6, {Group: 1}: 4, {Most: 100, Group: 100}: 40} {
		if files := drawn(t, o, all...); len(files) != want {
			t.Errorf("%+v: %d pictures, want %d", o, len(files), want)
		}
	}
}

// What cannot be shown is told, and the rest is drawn.
func TestUnreadable(t *testing.T) {
	labels := picture(t, "labels.npy", 50, 70, rectangle)
	gone := finding("gone.npy", 1, 7, rectangleBox)
	files, err := Draw(t.Context(), t.TempDir(), []*validate.Finding{gone, finding(labels, 2, 7, rectangleBox)}, Options{})
	if err == nil || !strings.Contains(err.Error(), "no pictures of gone.npy") || len(files) != 1 {
		t.Errorf("%d pictures, %v", len(files), err)
	}
}

// A box is a claim now and then, and may be anything.
func TestBoxesThatAreNone(t *testing.T) {
	labels := picture(t, "labels.npy", 50, 70, rectangle)
	const lo, hi = math.MinInt32, math.MaxInt32
	for i, box := range []schemas.BBox{
		{}, {Z0: lo, Y0: lo, X0: lo, Z1: hi, Y1: hi, X1: hi}, {Z0: hi, Y0: hi, X0: hi, Z1: lo, Y1: lo, X1: lo},
		{Y0: 90, X0: 90, Z1: 1, Y1: 95, X1: 95}, {Y0: 5, X0: 5, Z1: 1, Y1: 5, X1: 5}, {Z0: 7, Z1: 8, Y1: 3, X1: 3},
	} {
		// There is no instance 8, so the box itself is drawn.
		if files := drawn(t, Options{}, finding(labels, i, 8, box)); len(files) != 1 {
			t.Errorf("%+v: %d pictures", box, len(files))
		}
	}
}

func TestDataset(t *testing.T) {
	dir := t.TempDir()
	o := fisbegen.Options{Samples: 1, Shape: []int{3, 20, 60, 80}, Neurons: 3, IDs: true, Seed: 5}
	if _, err := fisbegen.Generate(t.Context(), filepath.Join(dir, "release"), o); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), filepath.Join(dir, "release"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	src, err := fisbe.Open(s, "release", fisbe.Options{Chunk: [3]int{16, 16, 16}})
	if err != nil {
		t.Fatal(err)
	}
	dst := filepath.Join(dir, "out")
	if _, err := convert.Run(t.Context(), src, dst, convert.Options{}); err != nil {
		t.Fatal(err)
	}
	d, err := loaders.Open(t.Context(), dst, loaders.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	shown := 0
	for sample, err := range d.Samples(t.Context(), loaders.SampleQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		for in, err := range d.Instances(t.Context(), sample.SampleID, "gt_instances") {
			if err != nil {
				t.Fatal(err)
			}
			f := finding(dst, int(in.InstanceID), in.InstanceID, *in.BBox)
			f.Dataset, f.Sample, f.Array = "fisbe", sample.SampleID, "gt_instances"
			n := colours(open(t, drawn(t, Options{}, f)[f.Fingerprint]))
			shown++
			if n[instanceColour] == 0 || len(n) < 20 {
				t.Errorf("instance %d: %d pixels of outline, %d colours", in.InstanceID, n[instanceColour], len(n))
			}
		}
	}
	if shown != o.Neurons {
		t.Errorf("%d instances are shown, want %d", shown, o.Neurons)
	}
}
