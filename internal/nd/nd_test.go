package nd

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// Copies between boxes of arrays with their axes in any order equal copies element by
// element.
func TestCopyAnyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for k := range 400 {
		n := 1 + r.IntN(4)
		size := []int{1, 2, 4, 8, 3}[r.IntN(5)]
		whole, box := make([]int, n), Region{make([]int, n), make([]int, n)}
		for i := range n {
			whole[i] = 1 + r.IntN([]int{120, 200, 80, 25}[n-1])
			box.Origin[i] = r.IntN(whole[i])
			box.Shape[i] = 1 + r.IntN(whole[i]-box.Origin[i])
		}
		src, dst := permuted(r, whole, size), permuted(r, whole, size)
		if k%4 == 0 {
			box = Whole(whole)
			src.Strides, dst.Strides = FStrides(whole, size), CStrides(whole, size)
		}
		for i := range src.Data {
			src.Data[i] = byte(r.Uint32())
		}
		want := dst
		want.Data = make([]byte, len(dst.Data))
		Copy(dst.Slice(box), src.Slice(box))
		elementwise(want.Slice(box), src.Slice(box))
		if !bytes.Equal(dst.Data, want.Data) {
			t.Fatalf("%v of %v, strides %v to %v", box, whole, src.Strides, dst.Strides)
		}
	}
}

// permuted is an array whose axes lie in memory in a random order.
func permuted(r *rand.Rand, shape []int, size int) View {
	v := View{Data: make([]byte, Elements(shape)*size), Shape: shape, Strides: make([]int, len(shape)), ItemSize: size}
	n := size
	for _, i := range r.Perm(len(shape)) {
		v.Strides[i] = n
		n *= shape[i]
	}
	return v
}

func elementwise(dst, src View) {
	if len(dst.Shape) == 0 {
		copy(dst.Data[:dst.ItemSize], src.Data)
		return
	}
	for i := range dst.Shape[0] {
		elementwise(View{dst.Data[i*dst.Strides[0]:], dst.Shape[1:], dst.Strides[1:], dst.ItemSize},
			View{src.Data[i*src.Strides[0]:], src.Shape[1:], src.Strides[1:], src.ItemSize})
	}
}

func BenchmarkCopyTransposed(b *testing.B) {
	shape := []int{50, 175, 175}
	src := View{Data: make([]byte, 2*Elements(shape)), Shape: shape, Strides: FStrides(shape, 2), ItemSize: 2}
	dst := Dense(make([]byte, 2*Elements(shape)), shape, 2)
	b.SetBytes(int64(len(dst.Data)))
	for b.Loop() {
		Copy(dst, src)
	}
}
