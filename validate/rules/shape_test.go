package rules_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/target"
)

// annotation plants a COCO file with one annotation of category 1 in an image of 30 rows and 40 columns.
func annotation(defect, nearMiss string) plant {
	return planted(func(t *testing.T, dir string, members string) []validate.Target {
		return open(t, write(t, dir, "coco.json", []byte(fmt.Sprintf(`{"images":[{"id":1,"file_name":"s.png","height":30,"width":40}],
			"categories":[{"id":1,"name":"AM"}],"annotations":[{"id":1,"image_id":1,%s}]}`, members))), target.Options{})
	}, defect, nearMiss)
}

const (
	box10  = `"category_id":1,"bbox":[10,10,10,10],"area":100,`
	square = `"segmentation":[[10,10,20,10,20,20,10,20]]`
)

var shapePlants = map[string]plant{
	// Rows of an object of 3 by 20 pixels, written along rows; and of one of 20 by 3, down columns.
	"LB008": annotation(
		`"category_id":1,"bbox":[10,10,20,3],"area":60,"segmentation":{"size":[30,40],"counts":[410,20,20,20,20,20,690]}`,
		`"category_id":1,"bbox":[10,10,3,20],"area":60,"segmentation":{"size":[30,40],"counts":[310,20,10,20,10,20,810]}`),
	"LB009": annotation(`"category_id":1,"bbox":[10,10,10,11.6],"area":100,`+square, `"category_id":1,"bbox":[10,10,10,11.4],"area":100,`+square),
	"LB010": annotation(box10+`"segmentation":[[10,10,20,10,20,20,19,9.9]]`, box10+`"segmentation":[[10,10,20,10,20,20,10.1,10.3]]`),
	// A hole given as a second polygon, and a second polygon beside the first.
	"LB011": annotation(
		`"category_id":1,"bbox":[2,2,26,26],"area":676,"segmentation":[[2,2,28,2,28,28,2,28],[6,6,24,6,24,24,6,24]]`,
		`"category_id":1,"bbox":[2,2,36,26],"area":832,"segmentation":[[2,2,28,2,28,28,2,28],[30,2,38,2,38,22,30,22]]`),
	"CL001": annotation(`"category_id":2,"bbox":[10,10,10,10],"area":100,`+square, box10+square),
}

// TestBoxAndAreaAreMended fixes a COCO file and validates it again.
func TestBoxAndAreaAreMended(t *testing.T) {
	targets := shapePlants["LB009"].defect(t, t.TempDir())
	result, err := validate.Run(t.Context(), targets, validate.Options{Rules: tuned()})
	if err != nil {
		t.Fatal(err)
	}
	path := targets[0].Name()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := targets[0].(validate.Fixer).Fix(t.Context(), result.Findings); n != 1 || err != nil {
		t.Fatalf("%d mended: %v", n, err)
	}
	want := bytes.Replace(before, []byte("11.6"), []byte("10"), 1)
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, want) {
		t.Errorf("%v: it is now\n%s", err, after)
	}
	if n := findings(t, "LB009", tuned(), targets); n != 0 {
		t.Errorf("%d findings after the fix", n)
	}
}

// TestClaimsOfBrokenPolygonsStay: where the polygon is what is wrong, the claims are not written over.
func TestClaimsOfBrokenPolygonsStay(t *testing.T) {
	broken := annotation(`"category_id":1,"bbox":[10,10,10,10],"area":200,"segmentation":[[10,10,20,20,20,10,10,20]]`, "")
	result, err := validate.Run(t.Context(), broken.defect(t, t.TempDir()), validate.Options{Rules: tuned()})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range result.Findings {
		if f.Rule == "LB009" && f.Fix == nil {
			return
		}
	}
	t.Error("no finding, or one that can be mended")
}

// instance is a target that is one instance in a volume or, with axes YX, in an image.
type instance validate.Instance

func (in *instance) Name() string { return "instance" }

func (in *instance) Walk(ctx context.Context, p *validate.Pass) error {
	one := validate.Instance(*in)
	p.Instance(ctx, &one)
	return nil
}

// TestInstances looks at instances that no file of today's targets shows.
func TestInstances(t *testing.T) {
	m := mask.Mask{{Z: 1, Y: 2, X: 3, N: 4}, {Z: 2, Y: 2, X: 3, N: 5}}
	box, area := m.BBox(), m.Area()
	wrongBox, wrongArea := box, area+1
	wrongBox.Z1++
	for name, test := range map[string]struct {
		in   instance
		rule string
		want int
	}{
		"claims that are so":      {instance{Mask: m, Claim: schemas.Instance{BBox: &box, Area: &area}}, "LB009", 0},
		"another box":             {instance{Mask: m, Claim: schemas.Instance{BBox: &wrongBox, Area: &area}}, "LB009", 1},
		"another area":            {instance{Mask: m, Claim: schemas.Instance{BBox: &box, Area: &wrongArea}}, "LB009", 1},
		"inside the volume":       {instance{Mask: m, Axes: "ZYX", Shape: [3]int{3, 3, 8}}, "LB011", 0},
		"outside the volume":      {instance{Mask: m, Axes: "ZYX", Shape: [3]int{2, 3, 8}}, "LB011", 1},
		"outside by a column":     {instance{Mask: m, Axes: "ZYX", Shape: [3]int{3, 3, 7}}, "LB011", 1},
		"runs that overlap, COCO": {instance{Mask: mask.Mask{{Y: 1, X: 1, N: 3}, {Y: 1, X: 2, N: 3}}, Axes: "YX", Shape: [3]int{1, 9, 9}}, "LB011", 2}, // and GeoJSON
		"runs that overlap":       {instance{Mask: mask.Mask{{Z: 1, Y: 1, X: 1, N: 3}, {Z: 1, Y: 1, X: 2, N: 3}}, Axes: "ZYX", Shape: [3]int{2, 9, 9}}, "LB011", 1},
		"questions":               {instance{Mask: m, Kind: validate.Question, Axes: "ZYX", Shape: [3]int{2, 3, 8}}, "LB011", 0},
		"no image":                {instance{Mask: m, Axes: "ZYX"}, "LB011", 0},
	} {
		in := test.in
		if in.ID = 7; in.Kind == 0 {
			in.Kind = validate.Volume
		}
		if n := findings(t, test.rule, tuned(), []validate.Target{&in}); n != test.want {
			t.Errorf("%s: %d findings, want %d", name, n, test.want)
		}
	}
}
