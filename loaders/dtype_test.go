package loaders

import (
	"bytes"
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/float16"

	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
)

// everyType are images of every element type, in all encodings.
func everyType() (volumes []*volume) {
	encodings := []chunkcodec.Encoding{chunkcodec.Raw, chunkcodec.Zstd, chunkcodec.ShuffleZstd}
	types := []schemas.DType{
		schemas.Bool, schemas.Float16, schemas.Float32, schemas.Float64, schemas.Int16, schemas.Int32,
		schemas.Int64, schemas.Int8, schemas.Uint16, schemas.Uint32, schemas.Uint64, schemas.Uint8,
	}
	for i, d := range types { // sorted, as the rows are
		volumes = append(volumes, &volume{
			Array: schemas.Array{Name: "all-" + string(d), Role: schemas.RoleImage, Axes: "CYX", Shape: []int64{2, 9, 11},
				Chunk: []int64{2, 4, 5}, DType: string(d), Fill: float64(i % 2), Levels: 2},
			encoding: encodings[i%len(encodings)], sparsity: 2,
		})
	}
	return volumes
}

func TestEveryType(t *testing.T) {
	f := newFixtureOf(t, everyType)
	d := f.open(t, Options{})
	checkType[bool](t, d, f, schemas.Bool)
	checkType[int8](t, d, f, schemas.Int8)
	checkType[int16](t, d, f, schemas.Int16)
	checkType[int32](t, d, f, schemas.Int32)
	checkType[int64](t, d, f, schemas.Int64)
	checkType[uint8](t, d, f, schemas.Uint8)
	checkType[uint16](t, d, f, schemas.Uint16)
	checkType[uint32](t, d, f, schemas.Uint32)
	checkType[uint64](t, d, f, schemas.Uint64)
	checkType[float16.Num](t, d, f, schemas.Float16)
	checkType[float32](t, d, f, schemas.Float32)
	checkType[float64](t, d, f, schemas.Float64)
}

// checkType reads an array of each type into elements of type T: only its own will do.
func checkType[T Number](t *testing.T, d *Dataset, f *fixture, own schemas.DType) {
	t.Helper()
	for _, v := range f.volumes["c"] {
		for level := range int(v.Levels) {
			region := nd.Whole(v.shape(level))
			dst := make([]T, region.Elements())
			_, err := ReadRegion(t.Context(), d, Query{Sample: "c", Array: v.Name, Level: level, Region: region}, dst)
			var dtype *DTypeError
			switch {
			case v.DType != string(own):
				if !errors.As(err, &dtype) || dtype.Have != own || dtype.Want != schemas.DType(v.DType) {
					t.Errorf("%s into %s: %v", v.DType, own, err)
				}
			case err != nil:
				t.Errorf("%s level %d: %v", own, level, err)
			case !bytes.Equal(asBytes(dst), v.want(level, region)):
				t.Errorf("%s level %d: elements differ", own, level)
			}
		}
	}
}
