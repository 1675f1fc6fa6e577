package rules_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/rules"
	"github.com/micropq/micropq/validate/target/list"
	"github.com/micropq/micropq/validate/target/vqa"
)

// object is a JSON object.
type object map[string]any

// itemLines is a file of JSON Lines as a target.
func itemLines(t *testing.T, dir, name string, items ...object) validate.Target {
	t.Helper()
	var b bytes.Buffer
	for _, item := range items {
		text, err := json.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return vqa.New(file)
}

// cells is a picture of cells, another one for each seed.
func cells(seed uint64) *image.RGBA {
	random := rand.New(rand.NewPCG(seed, 1))
	m := image.NewRGBA(image.Rect(0, 0, 96, 80))
	for range 30 {
		cx, cy, r, v := random.IntN(96), random.IntN(80), 4+random.IntN(10), uint8(random.IntN(256))
		for y := max(cy-r, 0); y < min(cy+r, 80); y++ {
			for x := max(cx-r, 0); x < min(cx+r, 96); x++ {
				m.SetRGBA(x, y, color.RGBA{v, 255 - v, v / 2, 255})
			}
		}
	}
	return m
}

func asPNG(m image.Image) object {
	var b bytes.Buffer
	_ = png.Encode(&b, m)
	return object{"bytes": base64.StdEncoding.EncodeToString(b.Bytes())}
}

func asJPEG(m image.Image) object {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, m, &jpeg.Options{Quality: 80})
	return object{"bytes": base64.StdEncoding.EncodeToString(b.Bytes())}
}

func pictured(id string, picture any) object {
	return object{"image_id": id, "image": picture, "question": "What?", "answer": "That"}
}

// deeper is the same picture with other metadata and filters: other bytes of the same pixels.
func deeper(m *image.RGBA) object {
	var b bytes.Buffer
	_ = (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&b, m)
	return object{"bytes": base64.StdEncoding.EncodeToString(b.Bytes())}
}

// twoSplits are pictures in files named train and test.
func twoSplits(t *testing.T, dir string, train, test any) []validate.Target {
	return []validate.Target{
		itemLines(t, dir, "train.jsonl", pictured("a", train), pictured("b", asPNG(cells(100)))),
		itemLines(t, dir, "test.jsonl", pictured("c", test)),
	}
}

var splitPlants = map[string]plant{
	"SP001": {
		defect: func(t *testing.T, dir string) []validate.Target {
			return twoSplits(t, dir, asPNG(cells(1)), deeper(cells(1)))
		},
		nearMiss: func(t *testing.T, dir string) []validate.Target { // one pixel differs
			m := cells(1)
			m.SetRGBA(5, 5, color.RGBA{1, 2, 3, 255})
			return twoSplits(t, dir, asPNG(cells(1)), asPNG(m))
		},
	},
	"SP002": {
		defect: func(t *testing.T, dir string) []validate.Target {
			return twoSplits(t, dir, asPNG(cells(1)), asJPEG(cells(1)))
		},
		nearMiss: func(t *testing.T, dir string) []validate.Target {
			return append(twoSplits(t, dir, asPNG(cells(1)), asPNG(cells(2))),
				itemLines(t, dir, "more-train.jsonl", pictured("d", asJPEG(cells(1))), pictured("e", asPNG(blank(3)))), // alike within a split
				itemLines(t, dir, "more-test.jsonl", pictured("f", asPNG(blank(9)))))                                   // of one colour
		},
	},
	"SP003": {
		defect: func(t *testing.T, dir string) []validate.Target {
			return []validate.Target{listOf(t, dir, "train:\nA-20180905_65_A6\nval:\nA-20190101_66_A1\n")}
		},
		nearMiss: func(t *testing.T, dir string) []validate.Target {
			return []validate.Target{listOf(t, dir, "train:\nA-20180905_65_A6\nA-20190101_66_A1\nval:\nAB-20190101_65_A1\n")}
		},
	},
}

func blank(v uint8) image.Image {
	m := image.NewGray(image.Rect(0, 0, 20, 20))
	for i := range m.Pix {
		m.Pix[i] = v
	}
	return m
}

func listOf(t *testing.T, dir, text string) validate.Target {
	t.Helper()
	file := filepath.Join(dir, "list.txt")
	if err := os.WriteFile(file, []byte("completely:\n"+text), 0o666); err != nil {
		t.Fatal(err)
	}
	return list.New(file)
}

// reported are the findings of a rule as severity: message, in the order of reports.
func reported(t *testing.T, rule string, targets ...validate.Target) (messages []string) {
	t.Helper()
	r, ok := rules.Named(rule)
	if !ok {
		t.Fatalf("no rule %s", rule)
	}
	result, err := validate.Run(t.Context(), targets, validate.Options{Rules: []validate.Tuned{r.Default()}, Jobs: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range result.Findings {
		messages = append(messages, fmt.Sprintf("%s: %s", f.Severity, f.Message))
	}
	return messages
}

func wantReported(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestEqualPictures(t *testing.T) {
	dir := t.TempDir()
	same := cells(1)
	wantReported(t, reported(t, "SP001",
		itemLines(t, dir, "test.jsonl", pictured("t1", asPNG(same)), pictured("t2", asPNG(cells(2))), pictured("t3", asPNG(cells(2)))),
		itemLines(t, dir, "val.jsonl", pictured("v", deeper(same))),
		itemLines(t, dir, "dev.jsonl", pictured("w", deeper(same))), // another word for val
		itemLines(t, dir, "train.jsonl", pictured("b", asPNG(same)), pictured("a", asPNG(same))),
		itemLines(t, dir, "some.jsonl", pictured("u", asPNG(same))),
	),
		"error: the picture of w in dev has the same pixels as that of a in train",
		"error: the picture of t1 in test has the same pixels as that of a in train",
		"error: the picture of v in val has the same pixels as that of a in train",
		"warning: the picture of t2 in test is there 2 times, with the same pixels: again as t3 in test",
		"warning: the picture of a in train is there 3 times, with the same pixels: again as b in train and u in unassigned")
	var frames []object
	for i := range 9 {
		frames = append(frames, pictured(fmt.Sprint(i), asPNG(blank(0))))
	}
	wantReported(t, reported(t, "SP001", itemLines(t, dir, "black-test.jsonl", frames...)),
		"warning: the picture of 0 in test is there 9 times, with the same pixels: again as 1 in test, 2 in test, 3 in test, 4 in test, 5 in test and 3 more")
}

// TestRowsOfOneSample: a table of questions has a row for each question of a picture.
func TestRowsOfOneSample(t *testing.T) {
	row := func(id, question string) object {
		return object{"sample_id": id, "question_id": question, "image": asPNG(cells(1)), "question": question, "answer": "x"}
	}
	wantReported(t, reported(t, "SP001", itemLines(t, t.TempDir(), "train.jsonl", row("a", "1"), row("a", "2"), row("a", "3"))))
}

func TestGroups(t *testing.T) {
	of := func(id, split string, group, batch any) object {
		return object{"sample_id": id, "split": split, "group_id": group, "batch_id": batch, "question": "?", "answer": "x"}
	}
	wantReported(t, reported(t, "SP003", itemLines(t, t.TempDir(), "items.jsonl",
		of("1", "train", "C03", "s1"), of("2", "test", "C03", "s1"), of("3", "train", "C03", "s2"),
		of("4", "val", "C04", "s2"), of("5", "validation", "C04", nil), of("6", "unassigned", "C04", nil), of("7", "train", nil, nil), of("8", "test", "", ""),
	)),
		"error: group C03 is in 2 splits: train (2 samples), test (1)",
		"warning: batch s1 is in 2 splits: train (1 sample), test (1)",
		"warning: batch s2 is in 2 splits: train (1 sample), val (1)")
}
