package arrowflight

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Tokens are the bearer tokens that a server takes; none for a server that takes every call.
type Tokens struct{ digests [][sha256.Size]byte }

// minToken keeps out tokens that can be guessed.
const minToken = 16

// ParseTokens reads a token a line. Empty lines and lines that begin with # are left out.
func ParseTokens(data []byte) (t Tokens, err error) {
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		token := strings.TrimSpace(lines.Text())
		switch {
		case token == "" || token[0] == '#':
			continue
		case len(token) < minToken:
			return t, fmt.Errorf("the token in line %d has %d characters, want %d or more", n, len(token), minToken)
		case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
			return t, fmt.Errorf("the token in line %d has characters that no header may have: want printable ASCII without spaces", n)
		}
		t.digests = append(t.digests, sha256.Sum256([]byte(token)))
	}
	if err := lines.Err(); err != nil {
		return t, err
	}
	if len(t.digests) == 0 {
		return t, errors.New("no token: write one a line")
	}
	return t, nil
}

// has reports whether token is among them. It takes as long whichever token that is, and however much
// of one was guessed.
func (t Tokens) has(token string) bool {
	digest, found := sha256.Sum256([]byte(token)), 0
	for i := range t.digests {
		found |= subtle.ConstantTimeCompare(digest[:], t.digests[i][:])
	}
	return found == 1
}

// check refuses a call without a token. Health is for load balancers, which have none.
func (t Tokens) check(ctx context.Context, method string) error {
	if len(t.digests) == 0 || strings.HasPrefix(method, "/"+healthpb.Health_ServiceDesc.ServiceName+"/") {
		return nil
	}
	given := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(given) != 1 {
		return status.Error(codes.Unauthenticated, "no token: send one in the header authorization, as Bearer TOKEN")
	}
	scheme, token, _ := strings.Cut(given[0], " ")
	if !strings.EqualFold(scheme, "bearer") || !t.has(token) {
		return status.Error(codes.Unauthenticated, "the token is not one that this server takes")
	}
	return nil
}
