package rules

import (
	"github.com/micropq/micropq/annotate/edit"
	"github.com/micropq/micropq/annotate/journal"
	"github.com/micropq/micropq/validate"
)

// rejected reports whether a reviewer has rejected an instance: it is no annotation any more.
func rejected(in *validate.Instance) bool {
	return in.Claim.Status != nil && *in.Claim.Status == edit.Rejected
}

// byEdit is a fix by an edit of an instance of a data set, for annotate apply. It is nil where the instance is
// in no data set.
func byEdit(in *validate.Instance, doc string, r edit.Request) *validate.Fix {
	if in.Dataset == "" || in.Sample == "" || in.Array == "" || in.ID <= 0 {
		return nil
	}
	r.Sample, r.Array, r.Instance = in.Sample, in.Array, in.ID
	return &validate.Fix{Doc: doc, Edits: []edit.Request{r}}
}

// rejection asks for an instance to be rejected.
func rejection(reason string) edit.Request {
	return edit.Request{Op: journal.Reject, Reasons: []string{reason}}
}
