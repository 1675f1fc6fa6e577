package tiffio

import "fmt"

// Compression is how the segments of a page are packed.
type Compression uint16

// The compressions that are read.
const (
	None         Compression = 1
	CCITTG3      Compression = 3
	CCITTG4      Compression = 4
	LZW          Compression = 5
	JPEG         Compression = 7
	AdobeDeflate Compression = 8
	PackBits     Compression = 32773
	Deflate      Compression = 32946
	LZMA         Compression = 34925
	Zstd         Compression = 50000
)

// compressionNames are those that are read, and those met in the wild that are not.
var compressionNames = map[Compression]string{
	None: "none", 2: "CCITT RLE", CCITTG3: "CCITT G3", CCITTG4: "CCITT G4", LZW: "LZW", 6: "old-style JPEG",
	JPEG: "JPEG", AdobeDeflate: "Adobe Deflate", 9: "JBIG", 10: "JBIG color", 32766: "NeXT", 32771: "CCITT RLE word",
	PackBits: "PackBits", 32809: "ThunderScan", 32908: "PixarFilm", 32909: "PixarLog", Deflate: "Deflate",
	33003: "JPEG 2000, Aperio YCbCr", 33005: "JPEG 2000, Aperio RGB", 33007: "old JPEG alternative", 34661: "JBIG",
	34676: "SGI LogL", 34677: "SGI Log24", 34712: "JPEG 2000", 34713: "Nikon NEF", 34887: "LERC", 34892: "lossy JPEG",
	LZMA: "LZMA", 34926: "Zstandard, deprecated", 34927: "WebP, deprecated", 34933: "PNG", 34934: "JPEG XR", 22610: "JPEG XR",
	Zstd: "Zstandard", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL, DNG",
}

func (c Compression) String() string { return named(c, compressionNames) }

// Photometric is what the samples mean.
type Photometric uint16

// The meanings that are told apart.
const (
	WhiteIsZero Photometric = 0
	BlackIsZero Photometric = 1
	RGB         Photometric = 2
	Palette     Photometric = 3
	Mask        Photometric = 4
	Separated   Photometric = 5
	YCbCr       Photometric = 6
)

var photometricNames = map[Photometric]string{
	WhiteIsZero: "WhiteIsZero", BlackIsZero: "BlackIsZero", RGB: "RGB", Palette: "palette", Mask: "transparency mask",
	Separated: "separated (CMYK)", YCbCr: "YCbCr", 8: "CIE L*a*b*", 9: "ICC L*a*b*", 10: "ITU L*a*b*",
	32803: "colour filter array", 32844: "LogL", 32845: "LogLuv", 34892: "linear raw",
}

func (p Photometric) String() string { return named(p, photometricNames) }

// named is a number and its name.
func named[T ~uint16](v T, names map[T]string) string {
	if s, ok := names[v]; ok {
		return s
	}
	return fmt.Sprintf("unknown %d", uint16(v))
}

// Predictor is what was done to rows before they were packed.
type predictor uint16

const (
	noPredictor    predictor = 1
	horizontal     predictor = 2 // each sample less the one before (TIFF 6.0, section 14)
	floatingPoint  predictor = 3 // bytes of a row by significance, then differences (Adobe TIFF Technical Note 3)
	planarChunky             = 1
	planarSeparate           = 2
)

// SampleFormat (TIFF 6.0, section 19).
const (
	formatUint  = 1
	formatInt   = 2
	formatFloat = 3
	formatVoid  = 4
)
