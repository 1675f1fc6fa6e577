package batch_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/fisbe"
	"github.com/micropq/micropq/convert/ubench"
	"github.com/micropq/micropq/convert/vqa"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/batch"
	"github.com/micropq/micropq/loaders/draw"
)

// exampleDataset converts what lies in testdata, as micropq convert does, and opens it.
func exampleDataset(ctx context.Context, source string, open func(store.Store) (convert.Source, error)) (d *loaders.Dataset, remove func()) {
	tmp, err := os.MkdirTemp("", "micropq-example-")
	if err != nil {
		log.Fatal(err)
	}
	s, err := store.Open(ctx, source, store.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	src, err := open(s)
	if err != nil {
		log.Fatal(err)
	}
	dir := filepath.Join(tmp, "out")
	if _, err := convert.Run(ctx, src, dir, convert.Options{}); err != nil {
		log.Fatal(err)
	}
	if d, err = loaders.Open(ctx, dir, loaders.Options{}); err != nil {
		log.Fatal(err)
	}
	return d, func() { d.Close(); os.RemoveAll(tmp) }
}

// Draw crops of volumes with their labels, half of them centred on a neuron.
func Example_crops() {
	ctx := context.Background()
	d, remove := exampleDataset(ctx, "../../testdata/fisbe", func(s store.Store) (convert.Source, error) {
		return fisbe.Open(s, "fisbe", fisbe.Options{Chunk: [3]int{16, 16, 16}})
	})
	defer remove()

	seed := uint64(1)
	loader, err := batch.New(ctx, []batch.Source{{Dataset: d}}, batch.Options{
		Arrays: []string{"raw", "gt_instances"}, Size: []int{8, 16, 16}, Count: 6, Foreground: 0.5,
		Shuffle:   draw.Shuffle{Seed: &seed},
		Partition: draw.Partition{Batch: 4},
		Transform: batch.Transform{Range: []float64{0, 1500}, Flip: "ZYX", Rotate: true},
	})
	if err != nil {
		log.Fatal(err)
	}
	for b, err := range loader.Batches(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		for _, t := range b.Tensors {
			fmt.Println(t.Name, t.Axes, t.Shape, t.DType)
		}
		fmt.Println("go on from position", b.State.Position, "of epoch", b.State.Epoch)
	}
	// Output:
	// raw NCZYX [4 3 8 16 16] float32
	// gt_instances NZYX [4 8 16 16] int32
	// go on from position 4 of epoch 0
	// raw NCZYX [2 3 8 16 16] float32
	// gt_instances NZYX [2 8 16 16] int32
	// go on from position 0 of epoch 1
}

// Draw questions about images, shuffled; the images are decoded and resized.
func Example_items() {
	ctx := context.Background()
	d, remove := exampleDataset(ctx, "../../testdata/ubench", func(s store.Store) (convert.Source, error) {
		return ubench.Open(s, "ubench", vqa.Options{})
	})
	defer remove()

	seed := uint64(1)
	loader, err := batch.New(ctx, []batch.Source{{Dataset: d}}, batch.Options{
		Kind:      batch.WholeItems,
		Items:     batch.ItemOptions{Kind: "question", Type: "modality", Decode: []int{224, 224}},
		Shuffle:   draw.Shuffle{Mode: draw.ModeGlobal, Seed: &seed},
		Partition: draw.Partition{Batch: 10},
	})
	if err != nil {
		log.Fatal(err)
	}
	for b, err := range loader.Batches(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		q := b.Items[0].Question
		fmt.Println(*q.Question, q.Options, *q.AnswerIndex, b.Tensors[0].Axes, b.Tensors[0].Shape)
	}
	// Output:
	// What is the modality? [option modality 0 option modality 1 option modality 2 none of the above] 0 NYXC [10 224 224 3]
	// What is the modality? [option modality 0 option modality 1 option modality 2 option modality 3 none of the above] 2 NYXC [10 224 224 3]
	// What is the modality? [option modality 0 option modality 1 option modality 2 option modality 3 none of the above] 4 NYXC [4 224 224 3]
}
