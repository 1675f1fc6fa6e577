package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

// keys makes a folder with cert.pem and key.pem, of localhost, and tokens.
func keys(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		"key.pem":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		"tokens":   []byte("a-token-of-the-tests\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The Python client gets from a server what the pipe gives, and named errors.
func TestServePythonClient(t *testing.T) {
	python := oracle.Python(t)
	src := release(t, fisbegen.Options{Samples: 2, Shape: []int{3, 20, 33, 40}, Neurons: 3, IDs: true, Seed: 8})
	dir := t.TempDir()
	volumes, items := filepath.Join(dir, "volumes"), filepath.Join(dir, "items")
	must(t, "convert", "fisbe", "--chunk", "16", src, volumes)
	must(t, "convert", "ubench", "../../testdata/ubench", items)
	t.Logf("%s", pythonClient(t, python, "flight.py", volumes, items, keys(t)))
}

// The first line says where the server listens; SIGTERM ends it with exit code 0.
func TestServeUntilTerminated(t *testing.T) {
	cmd := program(t, "serve", "sample="+streamed(t), "--listen", "grpc://127.0.0.1:0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	where, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on grpc://127.0.0.1:")
	if err != nil || !ok {
		t.Fatalf("%q, %v\n%s", line, err, &stderr)
	}
	c, err := flight.NewClientWithMiddleware("127.0.0.1:"+where, nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	info, err := c.GetFlightInfo(context.Background(), &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{"sample"}})
	if err != nil || info.TotalRecords != 2 {
		t.Errorf("%v, %v", info, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(stderr.String(), "method=GetFlightInfo") {
		t.Errorf("%v\n%s", err, &stderr)
	}
}

func TestServeUsage(t *testing.T) {
	dst, dir := streamed(t), keys(t)
	cert, key, tokens := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "tokens")
	for want, args := range map[string][]string{
		"takes [NAME=]DST...":         {},
		"two data sets have the name": {dst, "out=" + dst},
		"other machines reach":        {dst, "--listen", "grpc://0.0.0.0:0"},
		"or say --insecure":           {dst, "--listen", "grpc+tls://:0", "--tls-cert", cert, "--tls-key", key},
		"--token-file (or":            {dst, "--listen", "grpc://gpu-store:0", "--token-file", tokens},
		"grpc+tls goes with":          {dst, "--listen", "grpc+tls://127.0.0.1:0"},
		"grpc without":                {dst, "--listen", "grpc://127.0.0.1:0", "--tls-cert", cert, "--tls-key", key},
		"want grpc://HOST:PORT":       {dst, "--listen", "tcp:127.0.0.1:0"},
		"both --tls-cert and":         {dst, "--tls-cert", cert},
		"--tls-key " + tokens:         {dst, "--tls-cert", cert, "--tls-key", tokens},
		"no certificate in it":        {dst, "--tls-cert", cert, "--tls-key", key, "--tls-client-ca", tokens},
		"--token-file: the token":     {dst, "--token-file", cert},
		"--memory: size":              {dst, "--memory", "lots"},
		"max-message of":              {dst, "--max-message", "4GiB"},
		"max-streams -1":              {dst, "--max-streams", "-1"},
	} {
		if code, _, stderr := call(t, append([]string{"serve"}, args...)...); code != codeUsage || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit code %d: %s", args, code, stderr)
		}
	}
	if code, _, stderr := call(t, "serve", t.TempDir()); code != codeDamaged {
		t.Errorf("no data set: exit code %d: %s", code, stderr)
	}
}

func TestSplitSet(t *testing.T) {
	for arg, want := range map[string][2]string{
		"fisbe/":                       {"fisbe", "fisbe/"},
		"a=/data/fisbe":                {"a", "/data/fisbe"},
		"/data/x=1/fisbe.zip":          {"fisbe", "/data/x=1/fisbe.zip"},
		"https://host/sets/vqa?key=1":  {"vqa", "https://host/sets/vqa?key=1"},
		"b=https://host/sets/vqa?k=1":  {"b", "https://host/sets/vqa?k=1"},
		"https://host/sets/vqa.zip":    {"vqa", "https://host/sets/vqa.zip"},
		"my set=../fisbe":              {"my set", "../fisbe"},
		filepath.Join("..", "micropq"): {"micropq", filepath.Join("..", "micropq")},
	} {
		if name, location := splitSet(arg); name != want[0] || location != want[1] {
			t.Errorf("%s: name %s of %s, want %v", arg, name, location, want)
		}
	}
}
