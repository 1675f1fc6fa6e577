package target

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/fisbe"
	"github.com/micropq/micropq/schemas"
)

// guess says what a location holds, by what it is and how it is named. A location that is not on this machine can
// only be a data set.
func guess(location string) (string, error) {
	if strings.Contains(location, "://") {
		return Dataset, nil
	}
	info, err := os.Stat(location)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return guessFolder(location)
	}
	switch ext := strings.ToLower(filepath.Ext(location)); ext {
	case ".tif", ".tiff", ".btf", ".tf8", ".png", ".npy":
		return Labels, nil
	case ".jsonl", ".ndjson", ".parquet", ".arrow", ".arrows", ".feather", ".csv":
		return VQA, nil
	case ".txt":
		return List, nil
	case ".geojson":
		return GeoJSON, nil
	case ".json":
		return guessJSON(location)
	case ".zip":
		return guessZip(location)
	}
	return "", fmt.Errorf("%s: cannot tell what it is: say it with --as %s", location, strings.Join(Kinds(), "|"))
}

// guessFolder tells a data set, a zarr array and a zarr group apart.
func guessFolder(location string) (string, error) {
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(location, name))
		return err == nil
	}
	switch {
	case has(schemas.ManifestName):
		return Dataset, nil
	case has(".zarray"):
		return Labels, nil
	case has(".zgroup"), has("volumes"):
		return FISBe, nil
	case has("zarr.json"):
		b, err := os.ReadFile(filepath.Join(location, "zarr.json"))
		if err == nil && bytes.Contains(b, []byte(`"array"`)) {
			return Labels, nil
		}
		return FISBe, err
	}
	if holdsSamples(location) {
		return FISBe, nil
	}
	// A folder that was a data set once, or is none yet, is for that target to explain.
	for _, t := range schemas.Tables() {
		if has(t.Name) {
			return Dataset, nil
		}
	}
	return "", fmt.Errorf("%s: the folder is no data set (it has no %s) and no zarr: %w", location, schemas.ManifestName, fs.ErrInvalid)
}

// holdsSamples reports whether a folder is a part of a release of FISBe.
func holdsSamples(folder string) bool {
	entries, err := os.ReadDir(folder)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return e.IsDir() && (e.Name() == "completely" || e.Name() == "partly" || filepath.Ext(e.Name()) == ".zarr")
	})
}

// guessZip tells an archive of FISBe, of a zarr array and of a data set apart by the names in it. What is none of
// them is for the data set to explain.
func guessZip(location string) (string, error) {
	z, err := zip.OpenReader(location)
	if err != nil {
		return Dataset, nil
	}
	defer z.Close()
	array := false
	for _, f := range z.File {
		switch {
		case f.Name == schemas.ManifestName:
			return Dataset, nil
		case strings.Contains("/"+f.Name, "/"+fisbe.Volumes+"/"):
			return FISBe, nil
		case path.Base(f.Name) == ".zarray":
			array = true
		}
	}
	if array {
		return Labels, nil
	}
	return Dataset, nil
}

// guessJSON looks at the beginning of a file: GeoJSON says early that it is, and questions that come as one array
// begin with a bracket.
func guessJSON(location string) (string, error) {
	f, err := os.Open(location)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", err
	}
	head = bytes.TrimSpace(head[:n])
	switch {
	case bytes.Contains(head, []byte(`"FeatureCollection"`)), bytes.Contains(head, []byte(`"Feature"`)):
		return GeoJSON, nil
	case bytes.HasPrefix(head, []byte("[")):
		return VQA, nil
	}
	return COCO, nil
}
