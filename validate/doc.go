// Package validate finds what is wrong with annotations and data sets.
//
// Words:
//
//   - A target is what is validated: a data set, a label image, a COCO file.
//   - Evidence is what a target shows: its shards, samples, arrays, chunks, layers, instances,
//     questions. It holds what was computed from bytes beside what the target claims; the one
//     is never taken for the other.
//   - A rule is one thing that may be wrong, with an id such as LB004 that never changes its
//     meaning. It names the kinds of evidence it looks at, and nothing else is read for it.
//   - A finding is one place where a rule is broken.
//   - A limit is a number that a rule compares with, and which users may set.
//   - A fingerprint names a finding by what it is about and not by where that lies, so it is the
//     same after shards are cut anew or rows change their order.
//
// Data moves one way: a target walks through itself once and shows each piece of evidence to a
// Pass; the Pass hands it to the rules that want it; their findings become a Result. Packages
// below this one are the rules (validate/rules), the targets (validate/target), and what is
// done with a Result: baselines and reports.
package validate
