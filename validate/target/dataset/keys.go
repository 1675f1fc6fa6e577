package dataset

import (
	"sync"

	"github.com/cespare/xxhash/v2"
)

// keys is a set of keys, each as its 64-bit hash: open addressing, at most three quarters full.
type keys struct {
	mu    sync.Mutex
	slots []uint64
	n     int
	zero  bool // the hash 0, which marks a free slot, is in the set
}

// hashOf is the hash of the parts of a key.
func hashOf(parts ...string) uint64 {
	var d xxhash.Digest
	d.Reset()
	for _, p := range parts {
		d.WriteString(p)
		d.Write([]byte{0})
	}
	return d.Sum64()
}

// add reports whether the key was in the set before.
func (k *keys) add(hash uint64) (had bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if hash == 0 {
		had, k.zero = k.zero, true
		return had
	}
	if 4*(k.n+1) > 3*len(k.slots) {
		k.grow()
	}
	i := k.slot(hash)
	if k.slots[i] == hash {
		return true
	}
	k.slots[i] = hash
	k.n++
	return false
}

func (k *keys) has(hash uint64) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if hash == 0 {
		return k.zero
	}
	return len(k.slots) > 0 && k.slots[k.slot(hash)] == hash
}

// slot is where the hash is, or would be.
func (k *keys) slot(hash uint64) int {
	mask := len(k.slots) - 1
	i := int(hash) & mask
	for k.slots[i] != 0 && k.slots[i] != hash {
		i = (i + 1) & mask
	}
	return i
}

func (k *keys) grow() {
	old := k.slots
	k.slots = make([]uint64, max(64, 2*len(old)))
	for _, hash := range old {
		if hash != 0 {
			k.slots[k.slot(hash)] = hash
		}
	}
}
