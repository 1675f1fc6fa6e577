package target

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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
	case ".jsonl", ".ndjson", ".parquet", ".arrow", ".arrows", ".feather":
		return VQA, nil
	case ".geojson":
		return GeoJSON, nil
	case ".json":
		return guessJSON(location)
	case ".zip":
		return Dataset, nil
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
	// A folder that was a data set once, or is none yet, is for that target to explain.
	for _, t := range schemas.Tables() {
		if has(t.Name) {
			return Dataset, nil
		}
	}
	return "", fmt.Errorf("%s: the folder is no data set (it has no %s) and no zarr: %w", location, schemas.ManifestName, fs.ErrInvalid)
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
