"""Reads SARIF with models that were generated from the official schema, which refuse unknown members, and prints
what it holds: results, rules, notifications."""

import json
import sys

from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Log

log = Log.model_validate_json(open(sys.argv[1], "rb").read())
run = log.runs[0]
print(json.dumps([len(run.results), len(run.tool.driver.rules), len(run.invocations[0].toolExecutionNotifications or [])]))
