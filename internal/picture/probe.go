package picture

import (
	"encoding/binary"
	"fmt"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

// pngModes are Pillow's modes and the samples of a pixel by PNG colour type (PNG
// specification, 11.2.2).
var pngModes = map[byte]struct {
	mode     string
	channels int
}{0: {"L", 1}, 2: {"RGB", 3}, 3: {"P", 1}, 4: {"LA", 2}, 6: {"RGBA", 4}}

func probePNG(b []byte) (Info, error) {
	info := Info{Format: PNG}
	if len(b) < 33 || string(b[12:16]) != "IHDR" {
		return info, damaged("PNG: no header")
	}
	m, ok := pngModes[b[25]]
	if !ok {
		return info, damaged("PNG: colour type %d", b[25])
	}
	w, h := binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:])
	if w > 1<<31-1 || h > 1<<31-1 {
		return info, damaged("PNG: %d by %d pixels", w, h)
	}
	info.Width, info.Height = int(w), int(h)
	info.Mode, info.Channels, info.Bits = m.mode, m.channels, int(b[24])
	switch {
	case info.Bits == 16 && info.Mode == "L":
		info.Mode = "I;16"
	case info.Bits == 1 && info.Mode == "L":
		info.Mode = "1"
	case info.Bits != 1 && info.Bits != 2 && info.Bits != 4 && info.Bits != 8 && info.Bits != 16:
		return info, damaged("PNG: %d bits", info.Bits)
	}
	return info, nil
}

// probeJPEG walks the segments up to the frame header (ITU-T T.81, B.2.2).
func probeJPEG(b []byte) (Info, error) {
	info := Info{Format: JPEG}
	for at := 2; at+4 <= len(b); {
		if b[at] != 0xff {
			return info, damaged("JPEG: no marker at byte %d", at)
		}
		marker := b[at+1]
		if marker == 0xff { // fill
			at++
			continue
		}
		if marker == 0xd8 || marker == 0x01 || marker >= 0xd0 && marker <= 0xd7 { // without a length
			at += 2
			continue
		}
		n := int(binary.BigEndian.Uint16(b[at+2:]))
		if isFrame(marker) {
			if n < 8 || at+10 > len(b) {
				return info, damaged("JPEG: short frame header")
			}
			info.Bits = int(b[at+4])
			info.Height, info.Width = int(binary.BigEndian.Uint16(b[at+5:])), int(binary.BigEndian.Uint16(b[at+7:]))
			info.Channels = int(b[at+9])
			modes := map[int]string{1: "L", 3: "RGB", 4: "CMYK"}
			if info.Mode = modes[info.Channels]; info.Mode == "" {
				return info, damaged("JPEG: %d components", info.Channels)
			}
			return info, nil
		}
		if n < 2 || marker == 0xd9 || marker == 0xda {
			break
		}
		at += 2 + n
	}
	return info, damaged("JPEG: no frame header")
}

// isFrame reports whether a marker is SOF0 to SOF15: not DHT, JPG or DAC.
func isFrame(m byte) bool { return m >= 0xc0 && m <= 0xcf && m != 0xc4 && m != 0xc8 && m != 0xcc }

// Tags of TIFF 6.0 that a mode depends on.
const (
	tagWidth       = 256
	tagHeight      = 257
	tagBits        = 258
	tagPhotometric = 262
	tagSamples     = 277
	tagExtra       = 338
	tagFormat      = 339
)

// probeTIFF reads the first directory.
func probeTIFF(b []byte) (Info, error) {
	info := Info{Format: TIFF}
	var order binary.ByteOrder = binary.LittleEndian
	if b[0] == 'M' {
		order = binary.BigEndian
	}
	if len(b) < 8 {
		return info, damaged("TIFF: cut off")
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return info, damaged("TIFF: its directory lies at byte %d of %d", at, len(b))
	}
	n := int64(order.Uint16(b[at:]))
	if at+2+12*n > int64(len(b)) {
		return info, damaged("TIFF: a directory of %d entries leaves the file", n)
	}
	tags := map[uint16]uint32{tagSamples: 1, tagBits: 1, tagFormat: 1}
	for i := range n {
		e := b[at+2+12*i:]
		tags[order.Uint16(e)] = firstValue(b, e, order)
	}
	info.Width, info.Height = int(int32(tags[tagWidth])), int(int32(tags[tagHeight]))
	info.Channels, info.Bits = int(tags[tagSamples]&0xffff), int(tags[tagBits]&0xffff)
	var err error
	info.Mode, err = tiffMode(tags)
	return info, err
}

// firstValue is the first value of a directory entry, which lies in the entry or where it
// points to.
func firstValue(b, e []byte, order binary.ByteOrder) uint32 {
	value := e[8:12]
	size := map[uint16]uint64{1: 1, 3: 2, 4: 4}[order.Uint16(e[2:])]
	if size*uint64(order.Uint32(e[4:])) > 4 {
		at := uint64(order.Uint32(value))
		if at+4 > uint64(len(b)) {
			return 0
		}
		value = b[at : at+4]
	}
	switch size {
	case 1:
		return uint32(value[0])
	case 2:
		return uint32(order.Uint16(value))
	}
	return order.Uint32(value)
}

// tiffMode is Pillow's mode of an image: photometric 0 and 1 are grey, 2 RGB, 3 a palette, 5
// CMYK, 6 YCbCr.
func tiffMode(tags map[uint16]uint32) (string, error) {
	bits, samples, format := tags[tagBits], tags[tagSamples], tags[tagFormat]
	_, alpha := tags[tagExtra]
	switch p := tags[tagPhotometric]; {
	case p <= 1 && samples == 1 && format == 3 && bits == 32:
		return "F", nil
	case p <= 1 && samples == 1 && bits == 1:
		return "1", nil
	case p <= 1 && samples == 1 && bits <= 8:
		return "L", nil
	case p <= 1 && samples == 1 && bits <= 16:
		return "I;16", nil
	case p <= 1 && samples == 1 && bits == 32:
		return "I", nil
	case p <= 1 && samples == 2:
		return "LA", nil
	case p == 3 && samples == 1:
		return "P", nil
	case p == 5 && samples == 4:
		return "CMYK", nil
	case (p == 2 || p == 6) && samples == 3:
		return "RGB", nil
	case p == 2 && samples == 4 && alpha:
		return "RGBA", nil
	default:
		return "", fmt.Errorf("%w: TIFF with %d samples of %d bits, photometric %d", ErrFormat, samples, bits, p)
	}
}
