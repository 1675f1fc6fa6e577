package batch

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/micropq/micropq/loaders/draw"
)

// fields are those of Options without its methods.
type fields Options

// flat puts the fields of the structs in Options beside its own.
type flat struct {
	*fields
	*ItemOptions
	*Transform
	*draw.Shuffle
	*draw.Partition
}

// MarshalJSON writes the options that are not at their zero values, as one flat object.
func (o Options) MarshalJSON() ([]byte, error) {
	return json.Marshal(flat{(*fields)(&o), &o.Items, &o.Transform, &o.Shuffle, &o.Partition})
}

// UnmarshalJSON reads options as MarshalJSON writes them. A name that is none of an option's is an error: an
// option that this version does not know would be drawn without. It does not validate.
func (o *Options) UnmarshalJSON(data []byte) error {
	var read Options
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&flat{(*fields)(&read), &read.Items, &read.Transform, &read.Shuffle, &read.Partition}); err != nil {
		return fmt.Errorf("options: %w", err)
	}
	*o = read
	return nil
}
