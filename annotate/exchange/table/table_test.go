package table

import (
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/internal/mask"
)

func TestTable(t *testing.T) {
	c := &exchange.Canvas{Sample: "s", Array: "a", Axes: "YX", Z: 1, Y: 9, X: 9, PixelSizeUM: []float64{0.5, 0.5}}
	objects := []exchange.Object{{ID: 4, Mask: mask.Mask{{Y: 2, X: 2, N: 3}, {Y: 3, X: 2, N: 3}}}, {ID: 9, Mask: mask.Mask{{Y: 0, X: 0, N: 1}}}}
	path := filepath.Join(t.TempDir(), "m.csv")
	if r, err := exchange.Export(t.Context(), Format{}, path, c, objects, exchange.Options{}); err != nil || r.Objects != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	at := map[string]string{}
	for i, name := range rows[0] {
		at[name] = rows[1][i]
	}
	if at["Fibre_ID"] != "4" || at["Fiber_Area"] != "6" || at["area_um2"] != "1.5" || at["Fiber_on_Border"] != "False" || rows[2][1] != "9" {
		t.Errorf("%v", at)
	}
	if _, err := exchange.Import(t.Context(), Format{}, path, c); !errors.Is(err, exchange.ErrInput) {
		t.Errorf("a table is read: %v", err)
	}
	if err := Measure(t.Context(), c, objects); err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, m := range objects[0].Measurements {
		values[m.Name] = m.Value
	}
	if values["Fiber_Area"] != 6 || values["area_um2"] != 1.5 || values["bbox_x1"] != 5 || len(objects[1].Measurements) == 0 {
		t.Errorf("%v", values)
	}
	if _, ok := values["instance_id"]; ok {
		t.Error("the id is a measurement")
	}
}
