package labels

import "testing"

func TestPattern(t *testing.T) {
	tests := []struct {
		pattern, key string
		want         fields
		ok           bool
	}{
		{"masks/{section}.tif", "masks/S60.tif", fields{section: "S60"}, true},
		{"masks/{section}.tif", "masks/deep/S60.tif", fields{}, false},
		{"masks/{section}.tif", "masks/S60.tiff", fields{}, false},
		{"masks/{section}.tif", "masks/.tif", fields{}, false},
		{"{technique}/**/{section}_gt.tif", "IF/a/b/S60_gt.tif", fields{section: "S60", technique: "IF"}, true},
		{"{technique}/**/{section}_gt.tif", "IF/S60_gt.tif", fields{section: "S60", technique: "IF"}, true},
		{"{section}/{section}_gt.tif", "S60/S60_gt.tif", fields{section: "S60"}, true},
		{"{section}/{section}_gt.tif", "S60/S61_gt.tif", fields{}, false},
		{"{split}/?mg/{section}.{tif,png}", "train/img/1.png", fields{section: "1", split: "train"}, true},
		{"{split}/?mg/{section}.{tif,png}", "train/img/1.jpg", fields{}, false},
		{"{section}_*.tif", "C03-2_all_of_it.tif", fields{section: "C03-2"}, true},
		{"a+b (1)/{section}.tif", "a+b (1)/S.tif", fields{section: "S"}, true},
		{"{section}{.tif,.png}", "a.png", fields{section: "a"}, true},
		{"x/*{.tif,.png}", "x/a.png", fields{}, true},
		{"*", "x.tif", fields{}, true},
		{"*", "a/x.tif", fields{}, false},
		{"**/*.tif", "a/b/x.tif", fields{}, true},
	}
	for _, tt := range tests {
		p, err := ParsePattern(tt.pattern)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		if got, ok := p.match(tt.key); ok != tt.ok || ok && got != tt.want {
			t.Errorf("%s on %s: %+v, %v, want %+v, %v", tt.pattern, tt.key, got, ok, tt.want, tt.ok)
		}
	}
}

func TestPatternRefused(t *testing.T) {
	for _, text := range []string{
		"", "/abs", "../up", "a//b", "a/", "./a", "a/../b", "{section", "{donor}.tif", "{}.tif", "a**b", "**",
		"{section}*.tif", "*{section}.tif", "{section}{technique}.tif",
	} {
		if _, err := ParsePattern(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
