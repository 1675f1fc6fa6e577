package coco_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/target/coco"
)

// wrong has boxes and areas that disagree, once in another spelling, beside bytes that no writer would write so.
const wrong = "\ufeff{ \"annotations\" :[\n{\"area\" :\t130, \"bbox\": [10, 10, 12.5, 10],\"id\":1,\"x\":1.50e0,\"image_id\":1,\"category_id\":1," +
	"\"segmentation\":[[10,10,20,10,20,20,10,20]]} ,\n{\"bbox\":[1,1,2,2],\"id\":2,\"image_id\":1,\"category_id\":1,\"area\":100," +
	"\"segmentation\":[[10,10,20,10,20,20,10,20]]}],\r\n" + categories + "," + images + " } \n"

func TestFix(t *testing.T) {
	path := write(t, wrong)
	link := filepath.Join(t.TempDir(), "link.json")
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	found, err := look(t, link, validate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	target := coco.New(link)
	if n, err := target.Fix(t.Context(), found.findings); n != 3 || err != nil {
		t.Fatalf("%d mended: %v", n, err)
	}
	want := strings.NewReplacer("130", "100", "[10, 10, 12.5, 10]", "[10, 10, 10, 10]", "[1,1,2,2]", "[10,10,10,10]").Replace(wrong)
	after, err := os.ReadFile(path)
	if err != nil || string(after) != want {
		t.Errorf("%v: it is now\n%s", err, after)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if again, err := look(t, link, validate.Options{}); err != nil || again.count("LB009") != 0 {
		t.Errorf("after the fix: %v, %d findings", err, again.count("LB009"))
	}
	if n, err := target.Fix(t.Context(), nil); n != 0 || err != nil {
		t.Errorf("no findings: %d, %v", n, err)
	}
}

func TestFixLeavesWhatChanged(t *testing.T) {
	for name, change := range map[string]func(string) string{
		"another mask": func(s string) string { return strings.Replace(s, "20,20", "21,20", 1) },
		"rows gone":    func(string) string { return file() },
		"no JSON":      func(s string) string { return s[:len(s)/2] },
	} {
		path := write(t, wrong)
		found, err := look(t, path, validate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		changed := change(wrong)
		if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		if n, err := coco.New(path).Fix(t.Context(), found.findings); n != 0 || err == nil {
			t.Errorf("%s: %d mended", name, n)
		}
		after, err := os.ReadFile(path)
		left, _ := os.ReadDir(filepath.Dir(path))
		if err != nil || string(after) != changed || len(left) != 1 {
			t.Errorf("%s: %v, %d files, or it was changed", name, err, len(left))
		}
	}
	path := write(t, wrong)
	found, err := look(t, path, validate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := coco.New(path).Fix(ctx, found.findings); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func (s *seen) count(rule string) (n int) {
	for _, f := range s.findings {
		if f.Rule == rule {
			n++
		}
	}
	return n
}
