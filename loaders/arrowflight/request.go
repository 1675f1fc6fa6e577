package arrowflight

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/micropq/micropq/loaders/batch"
)

// RequestVersion is the version of Request that this package writes and reads.
const RequestVersion = 1

// Request says what to draw.
type Request struct {
	Version  int           `json:"version"`
	Datasets []Source      `json:"datasets"`
	Options  batch.Options `json:"options"`
}

// Source is a data set of a request.
type Source struct {
	Name   string  `json:"name"`
	Weight float64 `json:"weight,omitzero"` // as of [batch.Source]
}

// ErrRequest is a descriptor or ticket that is none.
var ErrRequest = errors.New("request is not valid")

// ParseRequest reads and validates a request. A name that it does not know is an error.
func ParseRequest(data []byte) (r Request, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return r, fmt.Errorf("%w: something follows its JSON object", ErrRequest)
	}
	if err := r.validate(); err != nil {
		return r, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	return r, nil
}

// validate reports every problem.
func (r *Request) validate() error {
	var errs []error
	if r.Version != RequestVersion {
		errs = append(errs, fmt.Errorf("version %d, want %d", r.Version, RequestVersion))
	}
	if len(r.Datasets) == 0 {
		errs = append(errs, errors.New("no data set to draw from"))
	}
	return errors.Join(append(errs, r.Options.Validate())...)
}

// Piece is the application metadata of a record batch that is not a whole batch, as JSON. The pieces of a
// batch follow each other in the order of its rows.
type Piece struct {
	Row  int64 `json:"row"`  // of the batch, that the first row here is
	Rows int64 `json:"rows"` // of the whole batch
}
