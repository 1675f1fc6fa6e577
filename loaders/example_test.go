package loaders_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/fisbe"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/loaders"
)

// exampleDataset converts the sample that comes with the source, as micropq convert fisbe does.
func exampleDataset(ctx context.Context) (dir string, remove func()) {
	tmp, err := os.MkdirTemp("", "micropq-example-")
	if err != nil {
		log.Fatal(err)
	}
	s, err := store.Open(ctx, "../testdata/fisbe", store.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	src, err := fisbe.Open(s, "fisbe", fisbe.Options{Chunk: [3]int{16, 16, 16}})
	if err != nil {
		log.Fatal(err)
	}
	dir = filepath.Join(tmp, "fisbe")
	if _, err := convert.Run(ctx, src, dir, convert.Options{}); err != nil {
		log.Fatal(err)
	}
	return dir, func() { os.RemoveAll(tmp) }
}

// Open a data set, see what is in it, and read a region of an array.
func Example() {
	ctx := context.Background()
	dir, remove := exampleDataset(ctx)
	defer remove()

	d, err := loaders.Open(ctx, dir, loaders.Options{}) // a folder, a zip of one, or a URL of either
	if err != nil {
		log.Fatal(err)
	}
	defer d.Close()
	for s, err := range d.Samples(ctx, loaders.SampleQuery{Split: "train"}) {
		if err != nil {
			log.Fatal(err)
		}
		for _, a := range s.Arrays {
			fmt.Println(s.SampleID, a.Name, a.Axes, a.Shape, a.DType)
		}
		region := loaders.Region{Origin: []int{0, 4, 8, 8}, Shape: []int{3, 8, 16, 16}} // C, Z, Y, X
		voxels := make([]uint16, region.Elements())
		stats, err := loaders.ReadRegion(ctx, d, loaders.Query{Sample: s.SampleID, Array: "raw", Region: region}, voxels)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(voxels), "voxels of", stats.Chunks, "chunks")
		break
	}
	// Output:
	// VT032286-20160128_64_F1 gt_instances CZYX [5 24 32 32] uint8
	// VT032286-20160128_64_F1 raw CZYX [3 24 32 32] uint16
	// 6144 voxels of 4 chunks
}

// Read the instances of a region: their ids, or a mask each, overlaps kept.
func ExampleReadMasks() {
	ctx := context.Background()
	dir, remove := exampleDataset(ctx)
	defer remove()
	d, err := loaders.Open(ctx, dir, loaders.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer d.Close()
	for s, err := range d.Samples(ctx, loaders.SampleQuery{Split: "train"}) {
		if err != nil {
			log.Fatal(err)
		}
		a, err := d.Array(ctx, s.SampleID, "gt_instances", 0)
		if err != nil {
			log.Fatal(err)
		}
		ids, err := a.InstanceIDs(ctx)
		if err != nil {
			log.Fatal(err)
		}
		region := loaders.Region{Origin: []int{0, 0, 0}, Shape: a.LabelShape()} // Z, Y, X
		masks := make([]bool, len(ids)*region.Elements())
		if _, err := loaders.ReadMasks(ctx, a, region, ids, masks); err != nil {
			log.Fatal(err)
		}
		for i, id := range ids {
			n := 0
			for _, in := range masks[i*region.Elements() : (i+1)*region.Elements()] {
				if in {
					n++
				}
			}
			fmt.Println("instance", id, "has", n, "voxels")
		}
		break
	}
	// Output:
	// instance 1 has 1077 voxels
	// instance 2 has 1084 voxels
	// instance 4 has 900 voxels
	// instance 5 has 1030 voxels
}
