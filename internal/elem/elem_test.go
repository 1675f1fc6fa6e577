package elem

import (
	"encoding/binary"
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
