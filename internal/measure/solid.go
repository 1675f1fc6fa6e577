package measure

import (
	"math"

	"github.com/micropq/micropq/internal/mask"
)

// Solid are the measurements of an object of three dimensions.
type Solid struct {
	OnBorder             bool     `parquet:"on_border" doc:"some voxel lies in the first or last plane, row or column of the volume"`
	Voxels               int64    `parquet:"voxels" doc:"voxels of the object"`
	EquivalentDiameter   float64  `parquet:"equivalent_diameter" doc:"diameter of the ball of the same volume, voxels"`
	Extent               float64  `parquet:"extent" doc:"voxels / those of the bounding box"`
	Pieces               int32    `parquet:"pieces" doc:"connected components by 26 neighbours"`
	Cavities             int32    `parquet:"cavities" doc:"holes that do not reach the outside by 6 neighbours"`
	VolumeUM3            *float64 `parquet:"volume_um3,optional" doc:"volume in cubic micrometres"`
	EquivalentDiameterUM *float64 `parquet:"equivalent_diameter_um,optional" doc:"diameter of the ball of the same volume, micrometres"`
}

// SolidOf measures an object in a volume of the given extents, whose voxels measure size
// micrometres along Z, Y and X, 0 where that is not known.
func SolidOf(m mask.Mask, depth, height, width int, size [3]float64) Solid {
	if len(m) == 0 {
		return Solid{}
	}
	b, n := m.BBox(), m.Area()
	box, _ := mask.Volume(b)
	s := Solid{
		OnBorder: b.Z0 <= 0 || b.Y0 <= 0 || b.X0 <= 0 || int(b.Z1) >= depth || int(b.Y1) >= height || int(b.X1) >= width,
		Voxels:   n, EquivalentDiameter: math.Cbrt(6 * float64(n) / math.Pi), Extent: float64(n) / float64(box),
		Pieces: int32(m.CountPieces(mask.Corners)), Cavities: int32(m.CountHoles(mask.Corners)),
	}
	if voxel := size[0] * size[1] * size[2]; voxel > 0 {
		s.VolumeUM3 = ptr(float64(n) * voxel)
		s.EquivalentDiameterUM = ptr(s.EquivalentDiameter * math.Cbrt(voxel))
	}
	return s
}
