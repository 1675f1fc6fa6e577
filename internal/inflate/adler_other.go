//go:build !amd64

package inflate

// adler continues an Adler-32 checksum (RFC 1950, section 8.2), which begins as adlerStart.
func adler(sum uint32, b []byte) uint32 { return adlerPortable(sum, b) }
