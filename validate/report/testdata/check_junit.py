"""Checks JUnit XML against an XML Schema."""

import sys

import xmlschema

xmlschema.XMLSchema(sys.argv[1]).validate(sys.argv[2])
print("valid")
