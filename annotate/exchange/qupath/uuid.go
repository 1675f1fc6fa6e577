package qupath

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// UUIDs of version 8 are free to hold what an application wants (RFC 9562, 5.8). Ours hold
//
//	6d707100 zzzz 8zzz 8iii iiii iiii iiii
//
// that is "mpq", the plane z in 28 bits, and the instance id in 60 bits.
const uuidStart = "6d707100"

const (
	uuidZBits = 28
	uuidIBits = 60
)

// uuidOf is the id of the feature of an instance in plane z; "" where the id is too large.
func uuidOf(id int64, z int) string {
	if id >= 1<<uuidIBits || z >= 1<<uuidZBits {
		return ""
	}
	tail := fmt.Sprintf("%015x", id)
	return fmt.Sprintf("%s-%04x-8%03x-8%s-%s", uuidStart, z>>12, z&0xfff, tail[:3], tail[3:])
}

// instanceOf is the instance id in the UUID of a feature, 0 where it is another's.
func instanceOf(uuid string) int64 {
	flat := strings.ReplaceAll(strings.ToLower(uuid), "-", "")
	if len(flat) != 32 || !strings.HasPrefix(flat, uuidStart) || flat[12] != '8' || flat[16] != '8' {
		return 0
	}
	b, err := hex.DecodeString(flat[16:])
	if err != nil {
		return 0
	}
	id := int64(b[0] & 0x0f)
	for _, c := range b[1:] {
		id = id<<8 | int64(c)
	}
	return id
}
