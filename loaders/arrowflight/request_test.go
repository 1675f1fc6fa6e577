package arrowflight

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"

	"github.com/micropq/micropq/loaders/arrowstream"
)

var memoryAllocator = memory.DefaultAllocator

// FuzzTicket: whatever a client sends, the server neither breaks nor takes more memory than it has. What is
// accepted survives being written again.
func FuzzTicket(f *testing.F) {
	r := crops()
	data, err := json.Marshal(r)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(data), `{}`, `{"version":1}`, `[]`, `{"version":1,"datasets":[{"name":"a"}],"options":null}`,
		`{"version":1,"datasets":[{"name":"a","weight":1e308},{"name":"a","weight":1e308}],"options":{"size":[8,8,8],"seed":1}}`,
		`{"version":1,"datasets":[{"name":"a"}],"options":{"size":[8,8,8],"seed":1,"count":281474976710656,"batch":1000000,"world":281474976,"remainder":"pad"}}`,
		`{"version":1,"datasets":[{"name":"a"}],"options":{"kind":"tiles","size":[2147483647,2147483647,2147483647],"overlap":[2147483646,0,0],"shuffle":"buffered","seed":1,"shuffle-buffer":9223372036854775807,"shuffle-block":3}}`,
		`{"version":1,"datasets":[{"name":"a"}],"options":{"kind":"tiles","size":[8,8,8],"shuffle":"buffered","seed":1,"shuffle-block":9223372036854775807,"epochs":-1}}`,
		`{"version":1,"datasets":[{"name":"a","weight":1},{"name":"b","weight":2}],"options":{"size":[1,1,1],"seed":1,"count":1,"state":{"version":1,"drawing":"","epoch":9223372036854775807,"position":0}}}`,
		`{"version":1,"datasets":[{"name":"a"}],"options":{"size":[8,8,8],"seed":1,"sample":"[","level":-1,"array":["raw","raw"]}}`,
		`{"version":1,"datasets":[{"name":"a"}],"options":{"size":[8,8,8],"seed":1,"array":["gt_instances"],"instances":9223372036854775807,"flip":"ZZ","rotate":true}}`,
		`{"version":1,"datasets":[{"name":"a"}],"options":{"size":[8,8,8],"seed":1,"percentiles":[0,100],"dtype":"float16","offset":[1e308],"scale":[0],"class":["*"]}}`,
		`{"version":1,"datasets":[{"name":"a"}],"options":{"kind":"items","decode":[1,1000000],"type":"x","dataset":"y","question-kind":"z"}}`,
	} {
		f.Add([]byte(seed))
	}
	d := open(f, converted(f))
	s, err := New([]Set{{"a", d}, {"b", d}}, Options{Memory: 8 << 20, MaxStreams: 1, Workers: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRequest(data)
		if err != nil {
			return
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseRequest(again); err != nil || !reflect.DeepEqual(back, r) {
			t.Fatalf("%s is written as %s, which is another, %v", data, again, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		l, err := s.loader(ctx, &r)
		if err != nil {
			if codeOf(err, codes.InvalidArgument) == codes.DataLoss {
				t.Fatalf("%s: %v", data, err)
			}
			return
		}
		if _, err := arrowstream.Schema(l); err != nil {
			return
		}
		l, release, err := s.reserve(l)
		if err != nil {
			return
		}
		defer release()
		for _, err := range l.Batches(ctx) {
			if err != nil {
				t.Fatalf("%s: %v", data, err)
			}
			break
		}
	})
}
