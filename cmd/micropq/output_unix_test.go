//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What is no file stays what it is, and gets the bytes: -o /dev/null must not become a file of that name.
func TestOutputToPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip("no named pipes here: ", err)
	}
	pipe, err := os.OpenFile(path, os.O_RDWR, 0) // both ends, so that nobody waits
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	out, err := createOutput(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.file.WriteString("whole"); err != nil {
		t.Fatal(err)
	}
	if err := out.finish(nil); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := pipe.Read(got); err != nil || string(got) != "whole" {
		t.Errorf("%q, %v", got, err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the pipe became %v, %v", info, err)
	}
}

// A link stays a link.
func TestOutputThroughLink(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	out, err := createOutput(link)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.file.WriteString("new"); err != nil {
		t.Fatal(err)
	}
	if err := out.finish(nil); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", info, err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "new" {
		t.Errorf("%q, %v", b, err)
	}
}
