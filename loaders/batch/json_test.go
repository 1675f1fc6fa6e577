package batch

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/micropq/micropq/loaders/draw"
)

func TestOptionsAsJSON(t *testing.T) {
	seed := uint64(1<<64 - 1)
	all := Options{
		Split: "train", Sample: "R1*", Arrays: []string{"raw", "gt"}, Level: 1, Kind: Tiles, Size: []int{4, 5, 6}, Count: 7, Foreground: 0.5,
		Labels: "gt", ByClass: true, Overlap: []int{0, 1, 2}, Shuffle: draw.Shuffle{Mode: draw.ModeBuffered, Seed: &seed, Block: 8, Buffer: 16},
		Partition: draw.Partition{Batch: 2, Rank: 1, World: 3, Worker: 1, Workers: 2, Remainder: draw.Pad},
		Epochs:    -1, State: &draw.State{Version: 1, Drawing: "d", Epoch: 2, Position: 3}, OnError: Skip,
	}
	items := Options{Kind: WholeItems, Items: ItemOptions{Kind: "question", Type: "stain", Dataset: "d", Decode: []int{8, 9}},
		Transform: Transform{DType: "float16", Range: []float64{0, 1500}, Percentiles: []float64{1, 99.5}, Offset: []float64{1}, Scale: []float64{2, 3}, Flip: "YX", Rotate: true, Instances: 4, Classes: []string{"a", "*"}}}
	for want, o := range map[string]Options{
		`{}`: {},
		`{"kind":"items","question-kind":"question","type":"stain","dataset":"d","decode":[8,9],"dtype":"float16","range":[0,1500],"percentiles":[1,99.5],` +
			`"offset":[1],"scale":[2,3],"flip":"YX","rotate":true,"instances":4,"class":["a","*"]}`: items,
		`{"split":"train","sample":"R1*","array":["raw","gt"],"level":1,"kind":"tiles","size":[4,5,6],"count":7,"foreground":0.5,"labels":"gt","by-class":true,` +
			`"overlap":[0,1,2],"epochs":-1,"state":{"version":1,"drawing":"d","epoch":2,"position":3},"on-error":"skip",` +
			`"shuffle":"buffered","seed":18446744073709551615,"shuffle-block":8,"shuffle-buffer":16,` +
			`"batch":2,"rank":1,"world":3,"worker":1,"workers":2,"remainder":"pad"}`: all,
	} {
		got, err := json.Marshal(o)
		if err != nil || string(got) != want {
			t.Errorf("written as %s, %v, want %s", got, err, want)
		}
		var back Options
		if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back, o) {
			t.Errorf("read back as %+v, %v", back, err)
		}
	}
	for data, want := range map[string]string{
		`{"sise":[1,2]}`: "sise", `{"memory":5}`: "memory", `{"Shuffle":{}}`: "Shuffle", `{"state":{"at":1}}`: "at",
		`{"seed":-1}`: "seed", `[]`: "array", `{"kind":3}`: "kind",
	} {
		o := all
		if err := json.Unmarshal([]byte(data), &o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", data, err, want)
		}
		if !reflect.DeepEqual(o, all) {
			t.Errorf("%s: changed the options", data)
		}
	}
}
