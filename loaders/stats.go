package loaders

// Stats say what a read cost. Those of several reads may be added.
type Stats struct {
	Chunks      int   // chunks that the region touches
	EmptyChunks int   // of them, those that hold the fill value only and are not read
	KeptChunks  int   // of them, those that were unpacked in memory already
	Read        int64 // bytes read from files: pages, and what lies between those read together
	Payload     int64 // encoded bytes of the chunks touched, which had to be read
	Decoded     int64 // bytes of the chunks touched, empty and kept ones left out
	Requested   int64 // bytes of the region in the array's element type
}

// Add adds the cost of another read.
func (s *Stats) Add(o Stats) {
	s.Chunks += o.Chunks
	s.EmptyChunks += o.EmptyChunks
	s.KeptChunks += o.KeptChunks
	s.Read += o.Read
	s.Payload += o.Payload
	s.Decoded += o.Decoded
	s.Requested += o.Requested
}

// ReadAmplification is bytes read over encoded bytes needed: 1 is best.
func (s Stats) ReadAmplification() float64 { return ratio(s.Read, s.Payload) }

// DecodeAmplification is bytes decoded over bytes requested; below 1 where empty chunks
// spared decoding.
func (s Stats) DecodeAmplification() float64 { return ratio(s.Decoded, s.Requested) }

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
