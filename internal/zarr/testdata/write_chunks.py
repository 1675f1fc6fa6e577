"""Makes chunks.json: one encoded chunk for each codec, by zarr-python 3.

usage: write_chunks.py > chunks.json
"""
import base64
import json
import sys
import warnings

import numpy as np
import zarr
import zarr.codecs as zc
import zarr.codecs.numcodecs as zn

warnings.simplefilter("ignore")
B = zc.BytesCodec()
CODECS = {
    "bytes": [B],
    "big": [zc.BytesCodec(endian="big")],
    "transpose": [zc.TransposeCodec(order=(1, 0)), B],
    "crc32c": [B, zc.Crc32cCodec()],
    "crc32c-start": [B, zn.CRC32C(location="start")],
    "gzip": [B, zc.GzipCodec(level=5)],
    "zlib": [B, zn.Zlib(level=5)],
    "zstd": [B, zc.ZstdCodec(level=3)],
    "zstd-checksum": [B, zc.ZstdCodec(level=3, checksum=True)],
    "bz2": [B, zn.BZ2(level=1)],
    "lz4": [B, zn.LZ4()],
    "shuffle": [B, zn.Shuffle(elementsize=2), zc.GzipCodec(level=5)],
    "delta": [zn.Delta(dtype="<u2", astype="<i4"), B, zc.Crc32cCodec()],
    "fixedscaleoffset": [zn.FixedScaleOffset(offset=3, scale=2, dtype="<u2", astype="<i4"), B, zc.Crc32cCodec()],
    "packbits": [zn.PackBits(), B, zc.Crc32cCodec()],
    "sharding": [zc.ShardingCodec(chunk_shape=(2, 7), codecs=[B, zc.GzipCodec()]), zc.Crc32cCodec()],
    "nested": [zc.ShardingCodec(chunk_shape=(2, 14), codecs=[zc.ShardingCodec(chunk_shape=(1, 7), codecs=[B, zc.Crc32cCodec()])])],
    **{f"blosc-{c}-{s}": [B, zc.BloscCodec(cname=c, shuffle=s, clevel=5)] for c in ("lz4", "blosclz", "zlib", "zstd") for s in ("shuffle", "bitshuffle")},
}


def main():
    out = []
    for name, codecs in CODECS.items():
        dtype = "bool" if name == "packbits" else "uint16"
        data = (np.arange(56).reshape(4, 14) * 5 % 64).astype(dtype)
        s = zarr.storage.MemoryStore()
        a = zarr.create(store=s, shape=(4, 14), chunks=(4, 14), dtype=dtype, fill_value=0, codecs=codecs, zarr_format=3)
        a[...] = data
        out.append(dict(name=name, metadata=json.loads(s._store_dict["zarr.json"].to_bytes()),
                        chunk=base64.b64encode(s._store_dict["c/0/0"].to_bytes()).decode(),
                        decoded=base64.b64encode(np.ascontiguousarray(a[...]).tobytes()).decode()))
    json.dump(out, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
