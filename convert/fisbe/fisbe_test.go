package fisbe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/micropq/micropq/convert/arrays"
)

func TestIdentify(t *testing.T) {
	tests := []struct{ keys, want string }{
		{"", ""},
		{"0:5 1:2 2:9", "1:2=2 0:5=5 2:9=9"}, // labels differ: they are the ids
		{"0:1 1:1 3:1", "0:1=1 1:1=2 3:1=4"}, // 0 and 1 in channels: the channel from 1
		{"0:1 0:2 1:1", "0:1=1 0:2=2 1:1=3"}, // two in a channel: numbered in order
		{"0:3 0:9223372036854775807", "0:3=3 0:9223372036854775807=9223372036854775807"},
	}
	for _, tt := range tests {
		var keys []arrays.Key
		for _, k := range strings.Fields(tt.keys) {
			var key arrays.Key
			if _, err := fmt.Sscanf(k, "%d:%d", &key.Channel, &key.Label); err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
		var got []string
		for _, in := range identify(keys) {
			got = append(got, fmt.Sprintf("%d:%d=%d", in.key.Channel, in.key.Label, in.id))
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: %s, want %s", tt.keys, s, tt.want)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := (Options{}).Validate(); err != nil {
		t.Errorf("the zero options: %v", err)
	}
	bad := Options{
		Subsets: []string{"all"}, Splits: []string{"../up"}, Samples: []string{"["}, Arrays: []string{"raw", "raw", "a/b", ""},
		Chunk: [3]int{-1, 2000, 4}, Levels: 11, Encoding: "lz4", ShardSize: 5,
	}
	err := bad.Validate()
	for _, says := range []string{`subset "all"`, `split "../up"`, `"["`, `array "raw"`, `array "a/b"`, `array ""`, "chunk extent -1", "chunk extent 2000", "11 levels", `"lz4"`, "shard size 5"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %s", err, says)
		}
	}
	if _, err := Open(nil, "", bad); err == nil {
		t.Error("bad options are opened")
	}
}
