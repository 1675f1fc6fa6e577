package flylight

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseName(t *testing.T) {
	tests := []struct {
		name string
		want string // line|day|slide|position|official|batch|days, "" for none
	}{
		{"R14A02-20180905_65_A6", "R14A02|2018-09-05|65|A6|R14A02-20180905_65_A6|20180905_65|17779"},
		{"JRC_SS05008-20160318_24_B2_crop", "JRC_SS05008|2016-03-18|24|B2|JRC_SS05008-20160318_24_B2|20160318_24|16878"},
		{"a-b-20160101_1_2", "a-b|2016-01-01|1|2|a-b-20160101_1_2|20160101_1|16801"},
		{"R14A02-20181305_65_A6", ""}, // no such month
		{"R14A02-20180905_65", ""},
		{"-20180905_65_A6", ""},
		{"", ""},
	}
	for _, tt := range tests {
		got := ""
		if n, ok := ParseName(tt.name); ok {
			got = strings.Join([]string{n.Line, n.Acquired.Format("2006-01-02"), n.Slide, n.Position, n.Official, n.Batch(), fmt.Sprint(n.Days())}, "|")
		}
		if got != tt.want {
			t.Errorf("%q: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestReadList reads the release's list, made small: sections, headings, names.
func TestReadList(t *testing.T) {
	const text = "\n(1) samples for FlyLight completely:\n\ntrain:\na\nval:\nb\n(2) samples for FlyLight partly:\ntrain:\na\n"
	list, err := ReadList(strings.NewReader(text))
	if want := "[{a completely train 5} {b completely val 7} {a partly train 10}]"; err != nil || fmt.Sprint(list) != want {
		t.Errorf("got %v, %v, want %s", list, err, want)
	}
}

func FuzzReadList(f *testing.F) {
	f.Add("completely:\ntrain:\nR14A02-20180905_65_A6\n")
	f.Add("partly:\nx:\n:\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ReadList(strings.NewReader(text))
		for _, l := range list {
			if err != nil || l.Name == "" || l.Subset == "" || l.Split == "" || l.Line < 1 {
				t.Errorf("%+v, %v", l, err)
			}
			if n, ok := ParseName(l.Name); ok && !strings.HasPrefix(l.Name, n.Official) {
				t.Errorf("%q: official %q", l.Name, n.Official)
			}
		}
	})
}
