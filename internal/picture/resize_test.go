package picture

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
)

// Images of every layout become what Pillow makes of them. Of a lossless format that is the same bytes, or 1
// apart where Pillow takes the columns first. No two decoders of JPEG round alike, and Pillow
// interpolates coarser chroma before it resizes, which tells on these images of clipped noise.
func TestResizeLikePillow(t *testing.T) {
	python, dir := oracle.Python(t), t.TempDir()
	var cases []struct {
		File          string
		Height, Width int
		Exact         bool
	}
	if err := json.Unmarshal(oracle.Run(t, python, "testdata/resize.py", dir), &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 200 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		encoded, err := os.ReadFile(filepath.Join(dir, c.File))
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("%s.%dx%d.rgb", c.File, c.Width, c.Height)
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 3*c.Height*c.Width)
		if err := DecodeRGB(got, encoded, c.Height, c.Width); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sum, largest := 0, 0
		for i := range got {
			d := max(int(got[i]), int(want[i])) - min(int(got[i]), int(want[i]))
			sum, largest = sum+d, max(largest, d)
		}
		mean := float64(sum) / float64(len(got))
		most, average := 4, 1.0
		if c.Exact {
			most, average = 1, 0.3
		} else if strings.Contains(c.File, "42") {
			most, average = 30, 3
		}
		if largest > most || mean > average {
			t.Errorf("%s: differs by %.3f on average, by %d at most", name, mean, largest)
		}
	}
}

func TestDecodeRGBErrors(t *testing.T) {
	dst := make([]byte, 12)
	for name, b := range map[string][]byte{"nothing": nil, "text": []byte("GIF89a..........")} {
		if err := DecodeRGB(dst, b, 2, 2); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	jpg := []byte("\xff\xd8\xff\xe0\x00\x10JFIF")
	if err := DecodeRGB(dst, jpg, 2, 2); !errors.Is(err, ErrDamaged) {
		t.Errorf("a JPEG that is cut off: %v", err)
	}
}
