package fisbegen

import (
	"archive/zip"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// writeZip packs a subset's folder as the published archive does: folders have entries,
// chunks are stored, since they are compressed already. All entries have one date.
func writeZip(ctx context.Context, dir, subset string) (err error) {
	f, err := os.Create(filepath.Join(dir, "fisbe_v1.0_"+subset+".zip"))
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}()
	w := zip.NewWriter(f)
	err = filepath.WalkDir(filepath.Join(dir, subset), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return addToZip(w, path, filepath.ToSlash(name), entry.IsDir())
	})
	if err != nil {
		return err
	}
	return w.Close()
}

func addToZip(w *zip.Writer, path, name string, dir bool) error {
	header := &zip.FileHeader{Name: name, Method: zip.Store, Modified: time.Date(2024, 3, 30, 0, 0, 0, 0, time.UTC)}
	if dir {
		header.Name += "/"
		_, err := w.CreateHeader(header)
		return err
	}
	out, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(out, in)
	return err
}
