"""Prints the header of a dataset card as JSON, as huggingface_hub reads it."""

import json
import sys

from huggingface_hub import DatasetCard

print(json.dumps(DatasetCard.load(sys.argv[1]).data.to_dict()))
