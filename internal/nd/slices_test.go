package nd

import (
	"strings"
	"testing"
)

func TestParseRegion(t *testing.T) {
	shape := []int{3, 50, 40, 30}
	tests := []struct{ text, want, err string }{
		{"", "0:3,0:50,0:40,0:30", ""},
		{"0:3,10:20,:,:", "0:3,10:20,0:40,0:30", ""},
		{"1", "1:2,0:50,0:40,0:30", ""},
		{"-1,-10:,:-10, 2 : 5 ", "2:3,40:50,0:30,2:5", ""},
		{":,:,:,-30", "0:3,0:50,0:40,0:1", ""},
		{":,49:50", "0:3,49:50,0:40,0:30", ""},
		{":,0:51", "", `axis Z of extent 50: "0:51" leaves the array`},
		{":,50", "", `axis Z of extent 50: "50" leaves the array`},
		{":,-51", "", `"-51" leaves the array`},
		{":,:,:,:,:", "", "has 5 axes, the array has 4 (CZYX)"},
		{"2:2", "", `"2:2" is empty`},
		{"2:1", "", `"2:1" is empty`},
		{"0:3:2", "", "a step is not supported"},
		{"a:3", "", `"a" is not an index`},
		{"0:3,,:", "", `want a:b, a:, :b, : or an index`},
		{"0:99999999999999999999", "", "is not an index"},
	}
	for _, tt := range tests {
		r, err := ParseRegion(tt.text, "CZYX", shape)
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q: error %v, want %q", tt.text, err, tt.err)
			}
		case err != nil || r.String() != tt.want:
			t.Errorf("%q: %v, %v, want %s", tt.text, r, err, tt.want)
		}
	}
}
