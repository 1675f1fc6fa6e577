package pyramid

import "testing"

func TestMode(t *testing.T) {
	tests := []struct {
		in   []uint8
		want uint8
	}{
		{nil, 0}, {[]uint8{7}, 7}, {[]uint8{9, 3, 9}, 9}, {[]uint8{5, 2, 5, 2}, 2},
	}
	for _, tt := range tests {
		if got := mode(append([]uint8(nil), tt.in...)); got != tt.want {
			t.Errorf("mode(%v) = %d, want %d", tt.in, got, tt.want)
		}
	}
}
