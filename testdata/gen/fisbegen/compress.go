package fisbegen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/micropq/micropq/internal/blosc"
)

// Compressor packs chunks. The zero value stores them as they are.
type Compressor struct {
	metadata json.RawMessage // its numcodecs configuration, as .zarray holds it
	encode   func(data []byte, itemSize int) ([]byte, error)
}

// bloscCodecs and bloscFilters are what a blosc compressor may name. Snappy is not among the
// codecs: the released builds of numcodecs do not have it.
var (
	bloscCodecs  = map[string]bool{"lz4": true, "lz4hc": true, "zlib": true, "zstd": true}
	bloscFilters = map[string]blosc.Filter{"noshuffle": blosc.NoShuffle, "shuffle": blosc.ByteShuffle, "bitshuffle": blosc.BitShuffle}
)

// bloscLevel is the default of numcodecs.
const bloscLevel = 5

// ParseCompressor reads none, gzip[:level], zlib[:level], zstd[:level] or
// blosc:codec:shuffle, for instance blosc:zstd:bitshuffle. Left out, the level of gzip and
// zlib is 1, as in the published crop, and that of zstd 3.
func ParseCompressor(s string) (Compressor, error) {
	kind, rest, _ := strings.Cut(s, ":")
	switch {
	case s == "none":
		return Compressor{}, nil
	case kind == "blosc":
		codec, filter, _ := strings.Cut(rest, ":")
		if f, ok := bloscFilters[filter]; ok && bloscCodecs[codec] {
			return bloscCompressor(codec, f), nil
		}
	case kind == "gzip" || kind == "zlib":
		if level, ok := parseLevel(rest, 1, 9); ok {
			return deflateCompressor(kind, level), nil
		}
	case kind == "zstd":
		if level, ok := parseLevel(rest, 3, 22); ok {
			return zstdCompressor(level)
		}
	}
	return Compressor{}, fmt.Errorf("compressor %q: want none, gzip[:level], zlib[:level], zstd[:level] or blosc:codec:shuffle, "+
		"codec lz4, lz4hc, zlib or zstd, shuffle noshuffle, shuffle or bitshuffle", s)
}

func parseLevel(s string, preset, highest int) (level int, ok bool) {
	if s == "" {
		return preset, true
	}
	level, err := strconv.Atoi(s)
	return level, err == nil && level >= 1 && level <= highest
}

// Metadata is the compressor's configuration as numcodecs writes it: null for none.
func (c Compressor) Metadata() json.RawMessage {
	if c.metadata == nil {
		return json.RawMessage("null")
	}
	return c.metadata
}

// Encode packs a chunk of elements of itemSize bytes.
func (c Compressor) Encode(data []byte, itemSize int) ([]byte, error) {
	if c.encode == nil {
		return data, nil
	}
	return c.encode(data, itemSize)
}

func deflateCompressor(kind string, level int) Compressor {
	return Compressor{
		metadata: json.RawMessage(fmt.Sprintf(`{"id":%q,"level":%d}`, kind, level)),
		encode: func(data []byte, _ int) ([]byte, error) {
			var out bytes.Buffer
			var w io.WriteCloser
			var err error
			if kind == "gzip" {
				w, err = gzip.NewWriterLevel(&out, level)
			} else {
				w, err = zlib.NewWriterLevel(&out, level)
			}
			if err != nil {
				return nil, err
			}
			if _, err := w.Write(data); err != nil {
				return nil, err
			}
			err = w.Close()
			return out.Bytes(), err
		},
	}
}

// zstdCompressor writes frames without a checksum, the default of numcodecs.
func zstdCompressor(level int) (Compressor, error) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)), zstd.WithEncoderCRC(false))
	if err != nil {
		return Compressor{}, err
	}
	return Compressor{
		metadata: json.RawMessage(fmt.Sprintf(`{"id":"zstd","level":%d}`, level)),
		encode:   func(data []byte, _ int) ([]byte, error) { return w.EncodeAll(data, nil), nil },
	}, nil
}

func bloscCompressor(codec string, filter blosc.Filter) Compressor {
	return Compressor{
		metadata: json.RawMessage(fmt.Sprintf(`{"blocksize":0,"clevel":%d,"cname":%q,"id":"blosc","shuffle":%d}`, bloscLevel, codec, filter)),
		encode: func(data []byte, itemSize int) ([]byte, error) {
			return blosc.Encode(nil, data, blosc.Options{Codec: codec, Level: bloscLevel, Shuffle: filter, TypeSize: itemSize})
		},
	}
}
