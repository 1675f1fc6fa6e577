package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

// A disk that fills up is bad luck, not a data set: 256 KiB are too little.
func TestConvertFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	src := release(t, fisbegen.Options{Samples: 1, Shape: []int{3, 40, 80, 80}, Neurons: 2, Seed: 2})
	dst := filepath.Join(disk, "out")
	code, _, stderr := call(t, "convert", "fisbe", src, dst)
	if code != codeInput || !strings.Contains(stderr, "no space left") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if _, err := os.Stat(filepath.Join(dst, "manifest.json")); err == nil {
		t.Error("there is a manifest")
	}
}
