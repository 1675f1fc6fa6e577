package config

import (
	"encoding/json"
	"fmt"

	"github.com/micropq/micropq/validate"
)

type object = map[string]any

// Schema is the JSON Schema (draft 2020-12) of a configuration for rules. It is made from them, so that
// an editor offers every rule and limit with what it means.
func Schema(all []validate.Rule) []byte {
	rules := object{}
	for _, r := range all {
		rules[r.ID] = ruleSchema(r)
	}
	level := object{"enum": []string{"error", "warning", "info"}}
	patterns := func(doc string) object {
		return object{"type": "array", "description": doc, "items": object{"type": "string", "minLength": 1}}
	}
	text := func(doc string) object { return object{"type": "string", "description": doc, "minLength": 1} }
	schema := object{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "micropq validate",
		"description":          "What micropq validate makes of annotations and data sets.",
		"type":                 "object",
		"additionalProperties": false,
		"properties": object{
			"fail_level": object{"enum": []string{"error", "warning", "info", "none"}, "description": "lowest severity that makes validation fail"},
			"select":     patterns("rules to look with, by id or the beginning of it; those that are on where it is left out"),
			"ignore":     patterns("rules to leave out, by id or the beginning of it"),
			"classes": object{"type": "array", "description": "the classes that are defined, whatever the files say", "minItems": 1,
				"uniqueItems": true, "items": object{"type": "string", "minLength": 1}},
			"rules": object{"type": "object", "description": "what is changed of rules, by id", "additionalProperties": false, "properties": rules},
			"exceptions": object{"type": "array", "description": "findings that are left out", "items": object{
				"type": "object", "additionalProperties": false, "required": []string{"rules", "reason"},
				"anyOf": []object{{"required": []string{"path"}}, {"required": []string{"sample"}}},
				"properties": object{
					"path":    text("glob of files, from the folder of this file; ** stands for any number of folders"),
					"sample":  text("glob of sample ids"),
					"rules":   object{"type": "array", "description": "rules, by id or the beginning of it", "minItems": 1, "items": object{"type": "string", "minLength": 1}},
					"reason":  text("why"),
					"expires": object{"type": "string", "format": "date", "description": "the last day it holds, as 2006-01-02"},
				},
			}},
		},
		"$defs": object{"severity": level},
	}
	b, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		panic(err) // maps of strings and numbers
	}
	return append(b, '\n')
}

func ruleSchema(r validate.Rule) object {
	properties := object{
		"enabled":  object{"type": "boolean", "description": "whether it looks", "default": !r.Off},
		"severity": object{"$ref": "#/$defs/severity", "description": "how bad its findings are", "default": r.Severity.String()},
	}
	if len(r.Limits) > 0 {
		limits := object{}
		for _, l := range r.Limits {
			doc := l.Doc
			if l.Unit != "" {
				doc = fmt.Sprintf("%s (%s)", l.Doc, l.Unit)
			}
			limits[l.Name] = object{"type": "number", "minimum": 0, "default": l.Default, "description": doc}
		}
		properties["limits"] = object{"type": "object", "additionalProperties": false, "properties": limits}
	}
	return object{"type": "object", "description": r.Title, "additionalProperties": false, "properties": properties}
}
