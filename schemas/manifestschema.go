package schemas

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed manifest.schema.json
var manifestSchema []byte

// ManifestSchema is the JSON Schema (draft 2020-12) of the manifest.
func ManifestSchema() []byte { return bytes.Clone(manifestSchema) }

// compiledManifestSchema is compiled when a manifest is first read; a failure is a mistake
// in the embedded file, which no input can cause.
var compiledManifestSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(manifestSchema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("manifest.schema.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("manifest.schema.json")
})

// checkManifestJSON checks that data is JSON of a version that can be read and that it
// follows the schema. The version comes first: the schema of another major version is
// not known.
func checkManifestJSON(data []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return &ManifestError{fmt.Errorf("not JSON: %w", err)}
	}
	if object, ok := doc.(map[string]any); ok && object["format"] == ManifestFormat {
		if version, ok := object["version"].(string); ok {
			if err := CheckVersion(version); err != nil {
				return err
			}
		}
	}
	schema, err := compiledManifestSchema()
	if err != nil {
		return fmt.Errorf("manifest.schema.json: %w", err)
	}
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(doc); errors.As(err, &invalid) {
		return &ManifestError{errors.Join(schemaProblems(invalid)...)}
	} else if err != nil {
		return &ManifestError{err}
	}
	return nil
}

// schemaProblems lists the innermost errors, each with the place in the manifest.
func schemaProblems(e *jsonschema.ValidationError) []error {
	var problems []error
	for _, unit := range e.BasicOutput().Errors {
		if unit.Error != nil {
			problems = append(problems, fmt.Errorf("%s: %v", unit.InstanceLocation, unit.Error))
		}
	}
	return problems
}
