//go:build !unix

package main

import "time"

var began = time.Now()

// cpuSeconds is elapsed time, for want of a portable way to processor time.
func cpuSeconds() float64 { return seconds(began) }
