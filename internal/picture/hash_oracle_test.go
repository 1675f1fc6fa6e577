package picture

import (
	"encoding/hex"
	"encoding/json"
	"math/bits"
	"slices"
	"strconv"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
)

// writtenAnew are changes that leave a picture looking the same.
var writtenAnew = []string{"png", "jpeg90", "jpeg50", "half", "larger", "thumb", "brighter", "cropped"}

// TestHashAsImageHash compares with the phash of the imagehash package: hashes of pictures that were written or scaled
// anew are as near as there, those of other scenes as far.
func TestHashAsImageHash(t *testing.T) {
	var all []struct {
		Scene              int
		Change, Data, Hash string
	}
	if err := json.Unmarshal(oracle.Run(t, oracle.Python(t), "testdata/phash.py", "12"), &all); err != nil {
		t.Fatal(err)
	}
	ours, theirs := make([]uint64, len(all)), make([]uint64, len(all))
	var between []int
	for i, c := range all {
		data, _ := hex.DecodeString(c.Data)
		p, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		ours[i] = p.Hash()
		theirs[i], _ = strconv.ParseUint(c.Hash, 10, 64)
		between = append(between, bits.OnesCount64(ours[i]^theirs[i]))
	}
	slices.Sort(between)
	if n := len(between); between[n/2] > 1 || between[n-1] > 6 {
		t.Errorf("differs from imagehash in %d bits at the median, %d at most", between[n/2], between[n-1])
	}
	for i, a := range all {
		for j, b := range all {
			d := bits.OnesCount64(ours[i] ^ ours[j])
			switch again := slices.Contains(writtenAnew, b.Change); {
			case a.Change != "png":
			case a.Scene == b.Scene && again && d > 4:
				t.Errorf("scene %d as %s differs in %d bits", a.Scene, b.Change, d)
			case a.Scene != b.Scene && d < 14:
				t.Errorf("scenes %d and %d (%s) differ in %d bits", a.Scene, b.Scene, b.Change, d)
			}
		}
	}
}
