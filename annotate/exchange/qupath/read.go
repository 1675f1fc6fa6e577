package qupath

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/internal/mask"
)

// Read implements exchange.Format.
func (Format) Read(_ context.Context, path string, c *exchange.Canvas) ([]exchange.Object, error) {
	data, err := exchange.ReadLimited(path)
	if err != nil {
		return nil, err
	}
	return Parse(data, c)
}

// Parse reads a feature collection, one feature, or an array of features, as QuPath writes all
// three. Features that belong to the same instance, as the planes of a volume do, are joined.
func Parse(data []byte, c *exchange.Canvas) ([]exchange.Object, error) {
	features, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", exchange.ErrInput, err)
	}
	var objects []exchange.Object
	byID := map[int64]int{}
	for i := range features {
		o, err := features[i].object(c)
		if err != nil {
			return nil, fmt.Errorf("%w: feature %d: %w", exchange.ErrInput, i, err)
		}
		if at, ok := byID[o.ID]; ok && o.ID != 0 && !c.Flat() {
			objects[at].Mask = mask.Union(objects[at].Mask, o.Mask)
			continue
		}
		byID[o.ID] = len(objects)
		objects = append(objects, *o)
	}
	return objects, nil
}

func decode(data []byte) (features []feature, err error) {
	data = bytes.TrimSpace(data)
	if bytes.HasPrefix(data, []byte("[")) {
		err = json.Unmarshal(data, &features)
	} else {
		var doc struct {
			feature
			Features *[]feature `json:"features"`
		}
		err = json.Unmarshal(data, &doc)
		switch {
		case err != nil:
		case doc.Type == "FeatureCollection" && doc.Features != nil:
			features = *doc.Features
		case doc.Type == "Feature":
			features = []feature{doc.feature}
		default:
			err = fmt.Errorf("this is no GeoJSON of features: its type is %q", doc.Type)
		}
	}
	if err != nil {
		return nil, err
	}
	for i := range features {
		if features[i].Type != "Feature" || features[i].Geometry == nil {
			return nil, fmt.Errorf("feature %d: want a Feature with a geometry, its type is %q", i, features[i].Type)
		}
	}
	return features, nil
}

func (f *feature) object(c *exchange.Canvas) (*exchange.Object, error) {
	d, err := f.drawing()
	if err != nil {
		return nil, err
	}
	z := 0
	if !c.Flat() {
		z = d.Z
	}
	if z < 0 || z >= c.Z {
		return nil, fmt.Errorf("plane z %d: the array has %d", z, c.Z)
	}
	m, err := Decode(d.Polygons, c.Y, c.X)
	if err != nil {
		return nil, err
	}
	return &exchange.Object{ID: d.ID, Class: d.Class, Status: d.Status, Mask: m.Shift(int32(z), 0, 0)}, nil
}

// Drawing is a feature as it is drawn.
type Drawing struct {
	ID            int64 // of the instance, 0 where the feature has none
	Class, Status string
	Z             int // of the plane that it lies in
	Polygons      [][]mask.Ring
}

// ParseFeature reads one feature. Where its geometry holds no pixels, or is not one of RFC 7946, the error is a
// *[mask.PolygonError], and all but the polygons is there.
func ParseFeature(data []byte) (*Drawing, error) {
	var f feature
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, err
	}
	if f.Type != "Feature" || f.Geometry == nil {
		return nil, fmt.Errorf("want a Feature with a geometry, its type is %q", f.Type)
	}
	return f.drawing()
}

func (f *feature) drawing() (*Drawing, error) {
	d := &Drawing{ID: instanceOf(f.ID)}
	if p := f.Geometry.Plane; p != nil {
		d.Z = p.Z
	}
	if p := f.Properties; p != nil {
		if text, ok := p.Metadata[idKey]; ok {
			var err error
			if d.ID, err = strconv.ParseInt(text, 10, 64); err != nil || d.ID < 1 {
				return nil, fmt.Errorf("metadata %s %q is no positive integer", idKey, text)
			}
		}
		d.Status = p.Metadata[statusKey]
		if k := p.Classification; k != nil {
			d.Class = k.Name
			if d.Class == "" {
				d.Class = strings.Join(k.Names, ": ")
			}
		}
	}
	var err error
	d.Polygons, err = f.Geometry.polygons(0)
	return d, err
}

// maxNested bounds collections of geometries in each other.
const maxNested = 8

// polygons are the rings of each polygon of a geometry.
func (g *geometry) polygons(depth int) (polygons [][]mask.Ring, err error) {
	switch g.Type {
	case "Polygon":
		var rings [][][]float64
		if err := json.Unmarshal(g.Coordinates, &rings); err != nil {
			return nil, broken(-1, "coordinates: %v", err)
		}
		p, err := ringsOf(rings)
		return [][]mask.Ring{p}, err
	case "MultiPolygon":
		var list [][][][]float64
		if err := json.Unmarshal(g.Coordinates, &list); err != nil {
			return nil, broken(-1, "coordinates: %v", err)
		}
		for _, rings := range list {
			p, err := ringsOf(rings)
			if err != nil {
				return nil, err
			}
			polygons = append(polygons, p)
		}
		return polygons, nil
	case "GeometryCollection":
		if depth == maxNested {
			return nil, broken(-1, "geometries are nested too deeply")
		}
		for i := range g.Geometries {
			p, err := g.Geometries[i].polygons(depth + 1)
			if err != nil {
				return nil, err
			}
			polygons = append(polygons, p...)
		}
		return polygons, nil
	}
	return nil, broken(-1, "geometry %q encloses no pixels: want Polygon or MultiPolygon; delete points and lines, or draw around them", g.Type)
}

func broken(ring int, format string, args ...any) error {
	return &mask.PolygonError{Ring: ring, Reason: fmt.Sprintf(format, args...)}
}

// ringsOf checks rings as RFC 7946 3.1.6 has them: closed, of four or more positions. Their
// direction is not checked, for the even-odd rule does not ask.
func ringsOf(list [][][]float64) (rings []mask.Ring, err error) {
	if len(list) == 0 {
		return nil, broken(-1, "it is without a ring")
	}
	for k, positions := range list {
		n := len(positions)
		if n < 4 {
			return nil, broken(k, "%d positions: want four or more, the last being the first", n)
		}
		ring := make(mask.Ring, n)
		for i, p := range positions {
			if len(p) < 2 {
				return nil, broken(k, "position %d has %d numbers: want x and y", i, len(p))
			}
			ring[i] = mask.Vertex{X: p[0], Y: p[1]}
		}
		if ring[0] != ring[n-1] {
			return nil, broken(k, "it is not closed: it begins at (%v, %v) and ends at (%v, %v)", ring[0].X, ring[0].Y, ring[n-1].X, ring[n-1].Y)
		}
		rings = append(rings, ring[:n-1])
	}
	return rings, nil
}
