package dataset

import (
	"os"

	"github.com/micropq/micropq/internal/yamlfile"
)

// classMapSchema is the JSON Schema of a map of classes.
const classMapSchema = `{"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}}`

// ReadClassMap reads a map of classes from a YAML file: a line each, as in "AM: fibre"; "FAM: ”" for a class
// that is left out on purpose.
func ReadClassMap(path string) (classes map[string]string, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	err = yamlfile.Load(path, data, []byte(classMapSchema), &classes)
	return classes, err
}
