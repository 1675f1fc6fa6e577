// Package archtest keeps the layers of micropq apart.
//
// A layer is a group of packages: cmd, then convert, annotate, validate and loaders beside
// each other, then internal, then schemas. An arrow is an import from one package to
// another. Arrows point down only, and a few that point down are forbidden as well; the
// rules stand in the package's test, which reads the imports with `go list`. Imports of
// test files are free.
package archtest
