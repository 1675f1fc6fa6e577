package dataset

import (
	"fmt"
	"testing"
)

func TestKeys(t *testing.T) {
	var k keys
	const n = 100_000
	for i := range n {
		if k.has(hashOf("a", fmt.Sprint(i))) || k.add(hashOf("a", fmt.Sprint(i))) {
			t.Fatalf("key %d is there before it was added", i)
		}
	}
	for i := range n {
		if !k.has(hashOf("a", fmt.Sprint(i))) || !k.add(hashOf("a", fmt.Sprint(i))) {
			t.Fatalf("key %d is lost", i)
		}
	}
	if most := 8 * n * 8 / 3; 8*len(k.slots) > most {
		t.Errorf("%d bytes for %d keys, want at most %d", 8*len(k.slots), n, most)
	}
	if k.has(0) || k.add(0) || !k.add(0) || !k.has(0) {
		t.Error("the hash 0 is a key like others")
	}
	if hashOf("ab", "c") == hashOf("a", "bc") {
		t.Error("the parts of a key run together")
	}
}

func BenchmarkKeys(b *testing.B) {
	for b.Loop() {
		var k keys
		for i := range 10_000_000 {
			k.add(uint64(i+1) * 0x9e3779b97f4a7c15)
		}
		b.ReportMetric(float64(8*len(k.slots))/(1<<20), "MiB")
	}
}
