"""Print whether pyarrow notices a damaged page."""
import sys

import pyarrow.parquet as pq

try:
    pq.read_table(sys.argv[1], page_checksum_verification=True)
    print("accepted")
except OSError as e:
    print("refused:", e)
