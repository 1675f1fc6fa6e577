//go:build !unix

package convert

// syncDir does nothing where directories cannot be synced.
func syncDir(string) error { return nil }
