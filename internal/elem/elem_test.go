package elem

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/micropq/micropq/schemas"
)

// scan of uint16, which has a loop of its own, agrees with that of the other integers.
func TestScan16(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{0, 1, 7, 8, 100, 1001} {
		v := make([]uint16, n)
		for i := range v {
			v[i] = uint16(rng.Uint32()) >> rng.IntN(16)
		}
		data, err := binary.Append(nil, binary.LittleEndian, v)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := Scan(data, schemas.Uint16, 1), scanInts(v, 1); got != want {
			t.Errorf("%d elements: %+v, want %+v", n, got, want)
		}
	}
}

// Statistics of parts add up to those of the whole.
func TestAdd(t *testing.T) {
	data, err := binary.Append(nil, binary.LittleEndian, []float32{nan(), nan(), 3, -1, 0, 7, nan(), 2})
	if err != nil {
		t.Fatal(err)
	}
	want := Scan(data, schemas.Float32, 0)
	for cut := 0; cut <= len(data); cut += 4 {
		got := Scan(data[:cut], schemas.Float32, 0)
		got.Add(Scan(data[cut:], schemas.Float32, 0))
		if got != want {
			t.Errorf("cut at %d: %+v, want %+v", cut, got, want)
		}
	}
}

func nan() float32 { return float32(math.NaN()) }
