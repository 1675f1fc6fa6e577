package qupath

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/internal/mask"
)

// Format implements exchange.Format.
type Format struct{}

// Name implements exchange.Format.
func (Format) Name() string { return "qupath" }

// Matches implements exchange.Format.
func (Format) Matches(name string) bool { return strings.HasSuffix(name, ".geojson") }

type feature struct {
	Type       string      `json:"type"` // Feature
	ID         string      `json:"id,omitempty"`
	Geometry   *geometry   `json:"geometry"`
	Properties *properties `json:"properties"`
}

type geometry struct {
	Type        string          `json:"type"`
	Coordinates json.RawMessage `json:"coordinates,omitempty"`
	Geometries  []geometry      `json:"geometries,omitempty"`
	Plane       *plane          `json:"plane,omitempty"`
}

// plane is QuPath's: where in a stack the geometry lies. Channel -1 stands for all.
type plane struct {
	C int `json:"c"`
	Z int `json:"z"`
	T int `json:"t"`
}

type properties struct {
	ObjectType     string            `json:"objectType,omitempty"`
	Name           string            `json:"name,omitempty"`
	Classification *classification   `json:"classification,omitempty"`
	Measurements   json.RawMessage   `json:"measurements,omitempty"`
	Metadata       map[string]string `json:"metadata,omitempty"`
}

type classification struct {
	Name  string   `json:"name,omitempty"`
	Names []string `json:"names,omitempty"` // of a class derived from others
	Color []int    `json:"color,omitempty"`
}

// Keys of properties.metadata.
const (
	idKey     = "instance_id"
	statusKey = "status"
)

// Write implements exchange.Format.
func (Format) Write(ctx context.Context, path string, c *exchange.Canvas, objects []exchange.Object, _ exchange.Options) (r exchange.Report, err error) {
	return exchange.Report{Objects: len(objects)}, exchange.Create(path, func(w io.Writer) error {
		if _, err := io.WriteString(w, "{\"type\":\"FeatureCollection\",\"features\":["); err != nil {
			return err
		}
		separator := "\n"
		for i := range objects {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			for z, part := range planes(objects[i].Mask) {
				line, err := json.Marshal(featureOf(&objects[i], c, z, part))
				if err == nil {
					_, err = fmt.Fprintf(w, "%s%s", separator, line)
				}
				if err != nil {
					return err
				}
				separator = ",\n"
			}
		}
		_, err := io.WriteString(w, "\n]}\n")
		return err
	})
}

// planes cuts a mask into its planes, each as a mask in plane 0, in order of Z.
func planes(m mask.Mask) func(yield func(z int, part mask.Mask) bool) {
	return func(yield func(int, mask.Mask) bool) {
		for len(m) > 0 {
			z := m[0].Z
			end := slices.IndexFunc(m, func(r mask.Run) bool { return r.Z != z })
			if end < 0 {
				end = len(m)
			}
			if !yield(int(z), m[:end].Shift(-z, 0, 0)) {
				return
			}
			m = m[end:]
		}
	}
}

func featureOf(o *exchange.Object, c *exchange.Canvas, z int, part mask.Mask) *feature {
	f := &feature{
		Type: "Feature", ID: uuidOf(o.ID, z),
		Geometry: geometryOf(part),
		Properties: &properties{
			ObjectType: "annotation",
			Metadata:   map[string]string{idKey: strconv.FormatInt(o.ID, 10)},
		},
	}
	if !c.Flat() {
		f.Geometry.Plane = &plane{C: -1, Z: z}
	}
	if o.Status != "" {
		f.Properties.Metadata[statusKey] = o.Status
	}
	if o.Class != "" {
		f.Properties.Classification = &classification{Name: o.Class, Color: colourOf(o.Class)}
	}
	if len(o.Measurements) > 0 {
		values := make(map[string]float64, len(o.Measurements))
		for _, m := range o.Measurements {
			values[m.Name] = m.Value
		}
		// Measurements are finite; were one not, the feature would do without any.
		f.Properties.Measurements, _ = json.Marshal(values)
	}
	return f
}

// geometryOf is a flat mask, which is not empty, as a Polygon or MultiPolygon.
func geometryOf(m mask.Mask) *geometry {
	var polygons [][][][2]float64
	for _, p := range Encode(m) {
		var rings [][][2]float64
		for _, ring := range p {
			rings = append(rings, closed(ring))
		}
		polygons = append(polygons, rings)
	}
	g := &geometry{Type: "MultiPolygon"}
	var coordinates any = polygons
	if len(polygons) == 1 {
		g.Type, coordinates = "Polygon", polygons[0]
	}
	g.Coordinates, _ = json.Marshal(coordinates) // of integers
	return g
}

// Encode is the rings of each polygon of a flat mask, as they are written.
func Encode(m mask.Mask) [][]mask.Ring {
	var polygons [][]mask.Ring
	for _, p := range m.Outlines() {
		polygons = append(polygons, p.Rings())
	}
	return polygons
}

// Decode is the mask of polygons in plane 0 of an array of h rows and w columns: of each the pixels whose centre it holds.
func Decode(polygons [][]mask.Ring, h, w int) (m mask.Mask, err error) {
	for i, rings := range polygons {
		part, err := mask.Rasterize(rings, h, w)
		if err != nil {
			return nil, fmt.Errorf("polygon %d: %w", i, err)
		}
		if i == 0 {
			m = part
		} else {
			m = append(m, part...) // a neuron has hundreds
		}
	}
	if len(polygons) > 1 {
		m = mask.Of(m)
	}
	return m, nil
}

// closed is a ring whose first vertex is repeated. Outlines go from +X to +Y, and so has
// RFC 7946: its outer rings are counter-clockwise where Y points up, of positive area.
func closed(r mask.Ring) [][2]float64 {
	out := make([][2]float64, 0, len(r)+1)
	for _, v := range r {
		out = append(out, [2]float64{v.X, v.Y})
	}
	return append(out, out[0])
}

// colourOf gives a class a colour of its own, the same in every file.
func colourOf(class string) []int {
	h := fnv.New32a()
	h.Write([]byte(class))
	v := h.Sum32()
	return []int{64 + int(v&0xff)*3/4, 64 + int(v>>8&0xff)*3/4, 64 + int(v>>16&0xff)*3/4}
}
