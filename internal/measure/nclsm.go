package measure

import "github.com/micropq/micropq/internal/mask"

// SpeckArea is the largest area, in pixels, of the objects that NCL-SM leaves out as
// accidents of drawing.
const SpeckArea = 25

// The published rule for the shape of a myofibre that was cut across.
const (
	minFibreArea   = 210   // pixels, exclusive
	maxFibreArea   = 27000 // pixels, exclusive
	maxConvexity   = 1.19  // exclusive
	maxBBoxL2Area  = 3.10  // exclusive
	longAspect     = 2.2   // of the ellipse: above it, the box must not be long either
	longBBoxL2Area = 1.8
)

// nclsm are the published measurements. border counts the pixels of the object with a
// neighbour outside it, hullArea those of the hull image.
func nclsm(m mask.Mask, bits *bitmap, border, hullArea int64, in Image) NCLSM {
	box, area := m.BBox(), m.Area()
	a, b := box.X1-box.X0-1, box.Y1-box.Y0-1
	n := NCLSM{
		OnBorder:   box.X0 <= 0 || box.Y0 <= 0 || int(box.X1) >= in.Width || int(box.Y1) >= in.Height,
		Area:       area,
		Perimeter:  border,
		Convexity:  float64(hullArea) / float64(area),
		BBoxWidth:  min(a, b),
		BBoxLength: max(a, b),
	}
	n.BBoxL2Area = squareBy(n.BBoxLength, area)
	if n.BBoxWidth > 0 {
		n.BBoxAspect = ptr(float64(n.BBoxLength) / float64(n.BBoxWidth))
	}
	if n.BBoxLength > 0 {
		n.PerimeterRatio = ptr(float64(border) / float64(2*int64(n.BBoxWidth)+2*int64(n.BBoxLength)))
	}
	n.ellipse(bits)
	n.PassesShapeRule = n.passes()
	return n
}

// ellipse fits an ellipse to the longest contour of the edge image, if it is long enough.
func (n *NCLSM) ellipse(bits *bitmap) {
	contour := bits.canny().longestHole()
	if len(contour) < minContour {
		return
	}
	minor, major, ok := fitEllipse(contour)
	if !ok {
		return
	}
	n.EllipseWidth, n.EllipseLength = ptr(int32(minor)), ptr(int32(major))
	n.EllipseL2Area = ptr(squareBy(*n.EllipseLength, n.Area))
	if *n.EllipseWidth > 0 {
		n.EllipseAspect = ptr(float64(*n.EllipseLength) / float64(*n.EllipseWidth))
	}
}

// passes is the published rule. Without an ellipse its aspect counts as 0.
func (n *NCLSM) passes() bool {
	long := n.EllipseAspect != nil && *n.EllipseAspect > longAspect && n.BBoxL2Area > longBBoxL2Area
	return n.Area > minFibreArea && n.Area < maxFibreArea && n.Convexity < maxConvexity &&
		n.BBoxL2Area < maxBBoxL2Area && !n.OnBorder && !long
}

func squareBy(length int32, area int64) float64 {
	return float64(int64(length)*int64(length)) / float64(area)
}

func ptr[T any](v T) *T { return &v }
