"""A corpus of TIFF files written by tifffile with imagecodecs, and what is in them.

usage: corpus.py FOLDER

Writes NAME.tif and, for each level of the first series, NAME.LEVEL.bin: the array's
little-endian bytes along its axes in the order TCZYX. Prints a JSON list of the files.
"""
import json
import os
import struct
import sys

import imagecodecs
import numpy as np
import tifffile

out = sys.argv[1]
rng = np.random.default_rng(1)
cases = []


def case(name, axes, levels, dtype=None, tolerance=0, pages=False, **facts):
    """Notes what a file holds. levels are arrays along axes."""
    for k, a in enumerate(levels):
        a = np.ascontiguousarray(a)
        with open(os.path.join(out, f"{name}.{k}.bin"), "wb") as f:
            f.write(a.astype(a.dtype.newbyteorder("<")).tobytes())
    cases.append({"name": name, "axes": axes, "shapes": [list(a.shape) for a in levels], "dtype": dtype or str(levels[0].dtype),
                  "tolerance": tolerance, **facts})


def path(name):
    return os.path.join(out, name + ".tif")


def image(shape, dtype):
    """Smooth parts, flat parts and noise, over the whole range of the type."""
    n = int(np.prod(shape))
    v = np.cumsum(rng.normal(size=n)) * 20 + rng.integers(0, 3, n)
    v[n // 3:n // 2] = 7
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        v = v / 3
    elif dtype.kind == "b":
        v = v > 0
    else:
        v = np.round(v).astype(np.int64)
        k = n // 8
        info = np.iinfo(dtype)
        v = v.astype(np.uint64).astype(dtype)
        v[:k] = rng.integers(info.min, info.max, k, dtype=dtype, endpoint=True)
    return v.astype(dtype).reshape(shape)


LAYOUTS = {"strip": {}, "strips": {"rowsperstrip": 7}, "rows": {"rowsperstrip": 1}, "tiles": {"tile": (16, 32)}}
CODECS = {"none": None, "packbits": "packbits", "lzw": "lzw", "adobe": 8, "deflate": 32946, "zstd": "zstd", "lzma": "lzma"}


def product():
    """Types, compressions, predictors and layouts, with byte order, size and planes taking turns."""
    turn = 0
    for dtype in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"):
        for codec, compression in CODECS.items():
            predictors = [None]
            if codec not in ("none", "packbits"):
                predictors.append(3 if dtype[0] == "f" else 2)
            for predictor in predictors:
                for layout, options in LAYOUTS.items():
                    turn += 1
                    order, big, kind = "<>"[turn % 2], turn % 3 == 0, turn // 2 % 4
                    name = f"{dtype}-{codec}-p{predictor or 1}-{layout}-{'le' if order == '<' else 'be'}{'-big' if big else ''}-{kind}"
                    write(name, dtype, kind, byteorder=order, bigtiff=big, compression=compression, predictor=predictor, **options)


def write(name, dtype, kind, **options):
    """kind 0 and 1 are grey, 2 chunky and 3 planar RGB."""
    options.setdefault("metadata", None)
    if kind < 2:
        a = image((45, 61), dtype)
        tifffile.imwrite(path(name), a, photometric="minisblack", **options)
        case(name, "YX", [a])
    elif kind == 2:
        a = image((45, 61, 3), dtype)
        tifffile.imwrite(path(name), a, photometric="rgb", planarconfig="contig", **options)
        case(name, "CYX", [a.transpose(2, 0, 1)])
    else:
        a = image((3, 45, 61), dtype)
        tifffile.imwrite(path(name), a, photometric="rgb", planarconfig="separate", **options)
        case(name, "CYX", [a])


def kinds():
    """Palette, alpha, bilevel, many samples."""
    a = image((45, 61), "u1")
    tifffile.imwrite(path("palette"), a, photometric="palette", colormap=rng.integers(0, 65535, (3, 256), dtype="u2"))
    case("palette", "YX", [a], photometric="palette")
    a = image((45, 61), "u2")
    tifffile.imwrite(path("palette16"), a, photometric="palette", colormap=rng.integers(0, 65535, (3, 65536), dtype="u2"), compression="zlib")
    case("palette16", "YX", [a], photometric="palette")
    a = image((45, 61, 4), "u1")
    tifffile.imwrite(path("rgba"), a, photometric="rgb", extrasamples=["unassalpha"], compression="zlib", predictor=True)
    case("rgba", "CYX", [a.transpose(2, 0, 1)])
    a = image((45, 61, 4), "u1")
    tifffile.imwrite(path("cmyk"), a, photometric="separated", compression="lzw")
    case("cmyk", "CYX", [a.transpose(2, 0, 1)], photometric="separated (CMYK)")
    a = image((45, 61, 7), "u2")
    tifffile.imwrite(path("samples7"), a, photometric="minisblack", planarconfig="contig", extrasamples=[0] * 6, compression="zstd", predictor=True)
    case("samples7", "CYX", [a.transpose(2, 0, 1)])
    a = image((45, 61), "?")
    for codec in (None, "packbits", "lzw", "zlib"):
        tifffile.imwrite(path(f"bilevel-{codec}"), a, compression=codec)
        case(f"bilevel-{codec}", "YX", [a])
    a = image((45, 61), "u2")
    tifffile.imwrite(path("white"), a, photometric="miniswhite")
    case("white", "YX", [a], photometric="WhiteIsZero")


def stacks():
    """Pages, pyramids, OME-TIFF and ImageJ hyperstacks."""
    a = image((5, 45, 61), "u2")
    tifffile.imwrite(path("stack"), a, photometric="minisblack", compression="zlib", metadata=None)
    case("stack", "ZYX", [a])
    a = image((3, 4, 45, 61, 3), "u1")
    tifffile.imwrite(path("stack-rgb"), a, photometric="rgb", metadata=None)
    case("stack-rgb", "CZYX", [a.reshape(12, 45, 61, 3).transpose(3, 0, 1, 2)])
    levels = [image((90, 128), "u2")]
    levels += [levels[0][::2, ::2], levels[0][::4, ::4]]
    for order in "<>":
        for big in (False, True):
            name = f"subifd-{'le' if order == '<' else 'be'}{'-big' if big else ''}"
            with tifffile.TiffWriter(path(name), byteorder=order, bigtiff=big) as t:
                t.write(levels[0], subifds=2, tile=(32, 32), compression="zlib", photometric="minisblack", metadata=None)
                for level in levels[1:]:
                    t.write(level, subfiletype=1, tile=(16, 16), compression="lzw", photometric="minisblack", metadata=None)
            case(name, "YX", levels)
    with tifffile.TiffWriter(path("reduced")) as t:
        t.write(levels[0], tile=(32, 32), photometric="minisblack", metadata=None)
        for level in levels[1:]:
            t.write(level, subfiletype=1, tile=(16, 16), photometric="minisblack", metadata=None)
    case("reduced", "YX", levels)
    ome()
    imagej()


def ome():
    for axes, shape in (("TCZYX", (2, 3, 4, 20, 31)), ("ZCYX", (3, 2, 20, 31)), ("TZYX", (3, 2, 20, 31)), ("CYX", (4, 20, 31)),
                        ("CTZYX", (2, 3, 2, 20, 31)), ("YX", (20, 31))):
        for big in (False, True):
            a = image(shape, "u2")
            name = f"ome-{axes}{'-big' if big else ''}"
            tifffile.imwrite(path(name), a, ome=True, bigtiff=big, byteorder=">" if big else "<", photometric="minisblack", compression="lzw",
                             metadata={"axes": axes, "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 500.0,
                                       "PhysicalSizeYUnit": "nm", "PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "µm"})
            order = [axes.index(x) for x in "TCZYX" if x in axes]
            case(name, "".join(x for x in "TCZYX" if x in axes), [a.transpose(order)], by="OME-XML", pixel=[0.25, 0.5, 2.0])
    a = image((3, 20, 31, 3), "u1")
    tifffile.imwrite(path("ome-rgb"), a, ome=True, photometric="rgb", metadata={"axes": "ZYXS"})
    case("ome-rgb", "CZYX", [a.transpose(3, 0, 1, 2)], by="OME-XML")
    levels = [image((2, 64, 96), "u2")]
    levels += [levels[0][:, ::2, ::2]]
    with tifffile.TiffWriter(path("ome-pyramid"), ome=True) as t:
        t.write(levels[0], subifds=1, tile=(32, 32), photometric="minisblack", metadata={"axes": "CYX", "Channel": {"Name": ["MYH", "VDAC1"]}})
        t.write(levels[1], subfiletype=1, tile=(16, 16), photometric="minisblack")
    case("ome-pyramid", "CYX", levels, by="OME-XML", channels=["MYH", "VDAC1"])


def imagej():
    for axes, shape, dtype in (("TZCYX", (2, 3, 4, 20, 31), "u2"), ("ZCYX", (3, 2, 20, 31), "u1"), ("ZYX", (5, 20, 31), "f4"),
                               ("TYX", (5, 20, 31), "u2"), ("CYX", (3, 20, 31), "u2"), ("YX", (20, 31), "u1")):
        a = image(shape, dtype)
        name = f"imagej-{axes}"
        tifffile.imwrite(path(name), a, imagej=True, resolution=(4.0, 2.0), metadata={"axes": axes, "unit": "um", "spacing": 3.0})
        order = [axes.index(x) for x in "TCZYX" if x in axes]
        case(name, "".join(x for x in "TCZYX" if x in axes), [a.transpose(order)], by="ImageJ", pixel=[0.25, 0.5, 3.0])
    a = image((2, 3, 20, 31), "u2")
    tifffile.imwrite(path("imagej-one-page"), a, imagej=True, truncate=True, metadata={"axes": "TZYX"})
    case("imagej-one-page", "TZYX", [a], by="ImageJ")
    a = image((3, 20, 31, 3), "u1")
    tifffile.imwrite(path("imagej-rgb"), a, imagej=True, photometric="rgb", metadata={"axes": "ZYXS"})
    case("imagej-rgb", "CZYX", [a.transpose(3, 0, 1, 2)], by="ImageJ")


def smooth(shape):
    y, x = np.mgrid[:shape[0], :shape[1]]
    a = np.stack([np.sin(x / 17) * np.cos(y / 13), np.sin((x + y) / 23), np.cos(x / 11 - y / 19)], -1)
    a = a * 90 + 128 + rng.normal(size=a.shape) * 4
    return np.clip(a, 0, 255).astype("u1")[..., :shape[2]] if len(shape) > 2 else np.clip(a[..., 0], 0, 255).astype("u1")


def jpeg():
    """JPEG is no exact thing: decoders may differ by a little."""
    for sub in ((1, 1), (2, 1), (2, 2), (4, 1)):
        for layout, options in (("strip", {}), ("strips", {"rowsperstrip": 16}), ("tiles", {"tile": (32, 64)})):
            name = f"jpeg-ycbcr-{sub[0]}{sub[1]}-{layout}"
            tifffile.imwrite(path(name), smooth((77, 101, 3)), photometric="rgb", compression="jpeg", subsampling=sub,
                             compressionargs={"level": 90, "outcolorspace": "ycbcr"}, **options)
            case(name, "CYX", [tifffile.imread(path(name)).transpose(2, 0, 1)], tolerance=3, photometric="YCbCr")
    tifffile.imwrite(path("jpeg-grey"), smooth((77, 101)), compression="jpeg", compressionargs={"level": 95}, tile=(32, 32))
    case("jpeg-grey", "YX", [tifffile.imread(path("jpeg-grey"))], tolerance=2)
    tifffile.imwrite(path("jpeg-rgb"), smooth((77, 101, 3)), photometric="rgb", compression="jpeg",
                     compressionargs={"level": 95, "outcolorspace": "rgb"}, rowsperstrip=16)
    case("jpeg-rgb", "CYX", [tifffile.imread(path("jpeg-rgb")).transpose(2, 0, 1)], tolerance=2, photometric="RGB")


def raw(name, width, height, bits, data, order="<", **tags):
    """Writes a file of one strip by hand: what tifffile does not write."""
    numbers = {"ImageWidth": 256, "ImageLength": 257, "BitsPerSample": 258, "Compression": 259, "Photometric": 262, "FillOrder": 266,
               "StripOffsets": 273, "SamplesPerPixel": 277, "RowsPerStrip": 278, "StripByteCounts": 279, "SampleFormat": 339}
    values = {"ImageWidth": width, "ImageLength": height, "BitsPerSample": bits, "Compression": 1, "Photometric": 1, "StripOffsets": 8,
              "RowsPerStrip": height, "StripByteCounts": len(data), **tags}
    table = sorted((numbers[k], v) for k, v in values.items())
    at = 8 + len(data) + len(data) % 2
    with open(path(name), "wb") as f:
        f.write((b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, at) + data + b"\0" * (len(data) % 2))
        f.write(struct.pack(order + "H", len(table)))
        for tag, v in table:
            f.write(struct.pack(order + "HHII", tag, 4, 1, v))
        f.write(struct.pack(order + "I", 0))


def packed(a, bits):
    """Rows of samples of so many bits, the highest first."""
    rows = []
    for row in a:
        digits = "".join(format(int(v) & (1 << bits) - 1, f"0{bits}b") for v in row)
        digits += "0" * (-len(digits) % 8)
        rows.append(int(digits, 2).to_bytes(len(digits) // 8, "big"))
    return b"".join(rows)


def widths():
    """Samples of 1 to 64 bits, both ways round, in LZW too."""
    for bits in range(1, 65):
        if bits in (8, 16, 32, 64):
            continue
        for signed in (False, True):
            if bits == 1 and signed:
                continue
            kind = "i" if signed else "u"
            size = next(s for s in (1, 2, 4, 8) if bits <= 8 * s)
            lo, hi = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
            a = rng.integers(lo, hi, (9, 13), dtype=np.int64 if signed else np.uint64, endpoint=True).astype(f"{kind}{size}")
            if bits == 1:
                a = a.astype("?")
            order = "<>"[bits % 2]
            data = packed(a, bits)
            if bits == 24 and order == "<":
                data = b"".join((int(v) & 0xFFFFFF).to_bytes(3, "little") for v in a.ravel())
            name = f"bits-{kind}{bits}"
            tags = {"SampleFormat": 2 if signed else 1}
            if bits % 3 == 1:
                data, tags["FillOrder"] = imagecodecs.bitorder_encode(data), 2
            elif bits % 3 == 2:
                data, tags["Compression"] = imagecodecs.lzw_encode(data), 5
            raw(name, 13, 9, bits, data, order, **tags)
            if not signed and bits < 32 and bits != 24:
                assert (tifffile.imread(path(name)) == a).all(), name
            case(name, "YX", [a])


def old_lzw(data):
    """LZW as before 1990: codes with the lowest bit first, which grow one code later."""
    bits, n, width, table, w = 0, 0, 9, {bytes([i]): i for i in range(256)}, b""
    out = bytearray()

    def put(code):
        nonlocal bits, n
        bits |= code << n
        n += width
        while n >= 8:
            out.append(bits & 255)
            bits, n = bits >> 8, n - 8

    put(256)
    for c in data:
        c = bytes([c])
        if w + c in table:
            w += c
            continue
        put(table[w])
        table[w + c] = len(table) + 2
        if len(table) + 2 == 4095:
            put(256)
            table, width = {bytes([i]): i for i in range(256)}, 9
        elif len(table) + 1 == 1 << width:
            width += 1
        w = c
    if w:
        put(table[w])
    put(257)
    n = (n + 7) // 8 * 8
    while n > 0:
        out.append(bits & 255)
        bits, n = bits >> 8, n - 8
    return bytes(out)


def lzw():
    for name, a in (("short", image((45, 61), "u2")), ("long", image((300, 211), "u1")), ("flat", np.zeros((300, 511), "u1"))):
        data = old_lzw(a.tobytes())
        assert imagecodecs.lzw_decode(data) == a.tobytes(), name
        raw(f"lzw-old-{name}", a.shape[1], a.shape[0], 8 * a.itemsize, data, Compression=5)
        case(f"lzw-old-{name}", "YX", [a])
        data = imagecodecs.bitorder_encode(imagecodecs.lzw_encode(a.tobytes()))
        raw(f"lzw-reversed-{name}", a.shape[1], a.shape[0], 8 * a.itemsize, data, Compression=5, FillOrder=2)
        case(f"lzw-reversed-{name}", "YX", [a])


def refused():
    """What is not read, with a part of the name it is refused by."""
    a = smooth((64, 64, 3))
    for codec, word in (("jpeg2000", "JPEG 2000"), ("webp", "WebP"), ("jpegxl", "JPEG XL"), ("png", "PNG"), ("lerc", "LERC"), ("jpegxr", "JPEG XR")):
        tifffile.imwrite(path(f"refused-{codec}"), a, photometric="rgb", compression=codec)
        cases.append({"name": f"refused-{codec}", "refused": word})
    tifffile.imwrite(path("refused-complex"), np.ones((8, 8), "c8"))
    cases.append({"name": "refused-complex", "refused": "complex"})
    tifffile.imwrite(path("refused-12bit"), image((64, 64), "u2") & 0xFFF, compression="jpeg", compressionargs={"bitspersample": 12})
    cases.append({"name": "refused-12bit", "refused": "JPEG with samples of 12 bits"})
    raw("refused-fax2", 8, 1, 1, b"\x35\0", Compression=2)
    cases.append({"name": "refused-fax2", "refused": "compression 2 (CCITT RLE)"})
    raw("refused-unknown", 8, 1, 8, b"\0" * 8, Compression=12345)
    cases.append({"name": "refused-unknown", "refused": "compression 12345 (unknown 12345)"})
    raw("refused-ycbcr", 8, 1, 8, b"\0" * 8, Photometric=6)
    cases.append({"name": "refused-ycbcr", "refused": "YCbCr"})


product()
kinds()
stacks()
jpeg()
widths()
lzw()
refused()
json.dump(cases, sys.stdout)
