//go:build !unix

package convert

import "os"

const umask = os.FileMode(0)

// syncDir does nothing where directories cannot be synced.
func syncDir(string) error { return nil }
