package schemas

import (
	"fmt"
	"regexp"
	"strconv"
)

// The format version that this code writes. The major version rises when a reader of the
// old format would misread the new one; the minor version when something is added that such
// a reader may ignore.
//
//	1.0  the first: the tables samples, chunks, instances and questions; payloads raw, zstd
//	     or shuffle+zstd; the manifest written last
//	1.1  samples.dataset may be null; the manifest may say that the data set is partial and
//	     what was repaired
const (
	FormatMajor = 1
	FormatMinor = 1
)

// FormatVersion is the version that this code writes, such as "1.0".
func FormatVersion() string { return fmt.Sprintf("%d.%d", FormatMajor, FormatMinor) }

// VersionError is a format version that this code cannot read.
type VersionError struct {
	Version string // as found
	Newer   bool   // its major version is newer; otherwise it is no version at all
}

func (e *VersionError) Error() string {
	if e.Newer {
		return fmt.Sprintf("format version %s is newer than %d.x, the newest that this micropq reads: use a newer micropq", e.Version, FormatMajor)
	}
	return fmt.Sprintf("format version %q is none that was ever released: want MAJOR.MINOR, such as %s", e.Version, FormatVersion())
}

var versionPattern = regexp.MustCompile(`^([1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})$`)

// CheckVersion reports whether data of a format version can be read: a newer minor version
// can, a newer major version cannot. The error is a *[VersionError].
func CheckVersion(version string) error {
	m := versionPattern.FindStringSubmatch(version)
	if m == nil {
		return &VersionError{Version: version}
	}
	if major, _ := strconv.Atoi(m[1]); major > FormatMajor {
		return &VersionError{Version: version, Newer: true}
	}
	return nil
}
