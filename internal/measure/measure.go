package measure

import (
	"math"

	"github.com/micropq/micropq/internal/mask"
)

// Image says what an object lies in.
type Image struct {
	Height, Width int     // of the image, in pixels
	PixelSizeUM   float64 // of a square pixel, in micrometres; 0 where it is not known
}

// Measurements are the columns of an object of two dimensions. A converter embeds the
// struct in its row of instances.
type Measurements struct {
	NCLSM
	Shape
}

// NCLSM are the measurements that NCL-SM publishes, under its names. Where it publishes a 0
// for want of an ellipse, the column is null.
type NCLSM struct {
	OnBorder        bool     `parquet:"Fiber_on_Border" doc:"some pixel lies in the first or last row or column of the image"`
	Area            int64    `parquet:"Fiber_Area" doc:"pixels"`
	Perimeter       int64    `parquet:"Fiber_Perimeter" doc:"pixels of the object with one of 4 neighbours outside it"`
	Convexity       float64  `parquet:"Convexity" doc:"pixels of the convex hull image / area: 1 or more"`
	EllipseWidth    *int32   `parquet:"Fiber_Width_Ellipse,optional" doc:"minor axis of the ellipse fitted to the largest contour, cut to an integer; null where no contour closes"`
	EllipseLength   *int32   `parquet:"Fiber_Length_Ellipse,optional" doc:"its major axis"`
	EllipseAspect   *float64 `parquet:"Aspect_Ratio_Ellipse,optional" doc:"Fiber_Length_Ellipse / Fiber_Width_Ellipse"`
	EllipseL2Area   *float64 `parquet:"lengthsquared_by_Area_Ellipse,optional" doc:"Fiber_Length_Ellipse^2 / area"`
	BBoxWidth       int32    `parquet:"Fiber_Width_Bbox" doc:"shorter side of the bounding box, last - first pixel"`
	BBoxLength      int32    `parquet:"Fiber_Length_Bbox" doc:"its longer side"`
	BBoxAspect      *float64 `parquet:"Aspect_Ratio_Bbox,optional" doc:"Fiber_Length_Bbox / Fiber_Width_Bbox; null for a width of 0"`
	BBoxL2Area      float64  `parquet:"lengthsquared_by_area_Bbox" doc:"Fiber_Length_Bbox^2 / area"`
	PerimeterRatio  *float64 `parquet:"Fiber_Perimeter_by_Rectangular_Perimeter,optional" doc:"Fiber_Perimeter / (2 Fiber_Width_Bbox + 2 Fiber_Length_Bbox); null for a single pixel"`
	PassesShapeRule bool     `parquet:"passes_shape_rule" doc:"the shape is that of a myofibre cut across by the published rule, whose column NTM holds this value"`
}

// Shape are standard measurements of shape: lengths in pixels, and in micrometres where the
// size of a square pixel is known.
type Shape struct {
	EquivalentDiameter   float64  `parquet:"equivalent_diameter" doc:"diameter of the disc of the same area, pixels"`
	FeretMax             float64  `parquet:"feret_max" doc:"largest distance of two points on the outline of the convex hull image, pixels"`
	FeretMin             float64  `parquet:"feret_min" doc:"smallest distance of two parallel lines around it, pixels"`
	PerimeterCrofton     float64  `parquet:"perimeter_crofton" doc:"perimeter by Crofton's formula in 4 directions, pixels"`
	Solidity             float64  `parquet:"solidity" doc:"area / pixels of the convex hull image"`
	Eccentricity         float64  `parquet:"eccentricity" doc:"of the ellipse with the same second moments: 0 for a circle"`
	Orientation          float64  `parquet:"orientation" doc:"angle from Y to its major axis, radians from -pi/2 to pi/2, positive towards X"`
	Circularity          float64  `parquet:"circularity" doc:"4 pi area / perimeter_crofton^2"`
	AreaUM2              *float64 `parquet:"area_um2,optional" doc:"area in square micrometres"`
	EquivalentDiameterUM *float64 `parquet:"equivalent_diameter_um,optional" doc:"equivalent_diameter in micrometres"`
	FeretMaxUM           *float64 `parquet:"feret_max_um,optional" doc:"feret_max in micrometres"`
	FeretMinUM           *float64 `parquet:"feret_min_um,optional" doc:"feret_min in micrometres"`
	PerimeterCroftonUM   *float64 `parquet:"perimeter_crofton_um,optional" doc:"perimeter_crofton in micrometres"`
}

// Of measures a flat mask. An empty mask measures zero throughout.
func Of(m mask.Mask, in Image) Measurements {
	if len(m) == 0 {
		return Measurements{}
	}
	bits := paint(m)
	s := bits.steps()
	inner := newHull(extents(m))
	image := inner.image()
	var out Measurements
	out.NCLSM = nclsm(m, bits, s.border, pixels(image), in)
	out.Shape = shape(m, s, pixels(image), newHull(image))
	if in.PixelSizeUM > 0 {
		out.Shape.scale(out.Area, in.PixelSizeUM)
	}
	return out
}

// shape are the measurements in pixels. h is the hull of the hull image, which has hullArea
// pixels.
func shape(m mask.Mask, s steps, hullArea int64, h hull) Shape {
	area := float64(m.Area())
	out := Shape{
		EquivalentDiameter: math.Sqrt(4 * area / math.Pi),
		Solidity:           area / float64(hullArea),
	}
	out.FeretMax, out.FeretMin = h.calipers()
	// The Crofton formula: pi/2 times the mean over the directions of the number of times that
	// parallel lines one pixel apart enter and leave, the diagonal ones being 1/sqrt(2) apart
	// (Rivollier, PhD thesis, Saint-Etienne 2010; skimage.measure.perimeter_crofton).
	out.PerimeterCrofton = math.Pi / 4 * (float64(s.across+s.down) + float64(s.falling+s.rising)/math.Sqrt2)
	out.Circularity = 4 * math.Pi * area / (out.PerimeterCrofton * out.PerimeterCrofton)
	out.Eccentricity, out.Orientation = moments(m).ellipse()
	return out
}

// scale fills in the columns in micrometres for square pixels of a size.
func (s *Shape) scale(area int64, size float64) {
	um := func(v float64) *float64 { v *= size; return &v }
	s.AreaUM2 = um(float64(area) * size)
	s.EquivalentDiameterUM = um(s.EquivalentDiameter)
	s.FeretMaxUM, s.FeretMinUM = um(s.FeretMax), um(s.FeretMin)
	s.PerimeterCroftonUM = um(s.PerimeterCrofton)
}

// second are the central second moments of a mask per pixel.
type second struct{ yy, xx, xy float64 }

func moments(m mask.Mask) (s second) {
	c, area := m.Centroid(), float64(m.Area())
	for _, r := range m {
		n := float64(r.N)
		y, x := float64(r.Y)-c.Y, float64(r.X)+(n-1)/2-c.X
		s.yy += n * y * y
		s.xy += n * y * x
		s.xx += n*x*x + n*(n*n-1)/12
	}
	return second{s.yy / area, s.xx / area, s.xy / area}
}

// ellipse is the eccentricity and orientation of the ellipse with the same moments, as
// regionprops defines them.
func (s second) ellipse() (eccentricity, orientation float64) {
	mean, half := (s.yy+s.xx)/2, math.Hypot((s.yy-s.xx)/2, s.xy)
	if large := mean + half; large > 0 {
		eccentricity = math.Sqrt(1 - max(0, mean-half)/large)
	}
	switch {
	case s.yy != s.xx:
		return eccentricity, 0.5 * math.Atan2(2*s.xy, s.yy-s.xx)
	case s.xy > 0:
		return eccentricity, math.Pi / 4
	}
	return eccentricity, -math.Pi / 4
}
