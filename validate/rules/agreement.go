package rules

import (
	"fmt"

	"github.com/micropq/micropq/validate"
)

// agreementRules are the rules AG: second annotations.
var agreementRules = []validate.Rule{{
	ID: "AG001", Severity: validate.Error, For: validate.Volume | validate.Tissue,
	Title:   "a second annotation lacks its coverage region",
	Why:     "Where its annotator did not look, every object counts as missed, and agreement looks far worse than it is.",
	Example: "The second annotation has 13 of 586 fibres, and nothing says that only these were to be drawn.",
	Mend:    "Say where the annotator looked: --coverage with a region, second (about what was drawn) or all.",
	Looks:   validate.Looks{Layer: coverage},
}, {
	ID: "AG002", Severity: validate.Warning, For: validate.Volume | validate.Tissue,
	Title:   "agreement of two annotators is below the limit, inside the coverage",
	Why:     "A model can be no better than the annotators agree; one of the two, or the instructions they had, may be wrong.",
	Example: "Of the fibres that both annotators looked at, F1 at an intersection over union of 0.5 is 0.41.",
	Mend:    "Look at the missed, extra, split and merged instances that micropq annotate agree lists.",
	Limits: []validate.Limit{
		{Name: "min_f1", Default: 0.7, Unit: "share", Doc: "F1 at an intersection over union of 0.5"},
		{Name: "min_iou", Default: 0.7, Unit: "share", Doc: "mean intersection over union of matched instances"},
	},
	Looks: validate.Looks{Layer: agreement},
}}

func coverage(s *validate.Scope, l *validate.Layer) {
	if l.Second == nil || l.Second.Coverage != "" || !s.For(l.Kind) {
		return
	}
	s.Report(validate.Finding{Message: "nothing says where the annotator of the second annotation looked", Place: l.Second.Place})
}

func agreement(s *validate.Scope, l *validate.Layer) {
	if l.Second == nil || l.Second.Agreement == nil || l.Second.Coverage == "" || !s.For(l.Kind) {
		return
	}
	a := l.Second.Agreement
	at := a.Scores[0]
	n := at.TP + at.FN
	if f1 := s.Limit("min_f1"); n+at.FP > 0 && at.F1 < f1 {
		s.Report(validate.Finding{
			Message: fmt.Sprintf("the annotators agree on %d of %d instances inside the coverage, F1 %.3f at intersection over union %g, less than %g", at.TP, n, at.F1, at.IoU, f1),
			Place:   l.Second.Place, Value: at.F1, Limit: f1, Detail: "f1",
		})
	}
	if iou := s.Limit("min_iou"); a.Optimal > 0 && a.MeanIoU < iou {
		s.Report(validate.Finding{
			Message: fmt.Sprintf("the mean intersection over union of %d matched instances is %.3f, less than %g", a.Optimal, a.MeanIoU, iou),
			Place:   l.Second.Place, Value: a.MeanIoU, Limit: iou, Detail: "iou",
		})
	}
}
