package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/arrowflight"
)

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:      "serve",
		Usage:     "serve batches of data sets over Arrow Flight",
		ArgsUsage: "[NAME=]DST...",
		Description: `DST is a folder, a zip of one, or an HTTP(S) URL of either; clients ask for it by NAME, or
by the last element of DST. A client says what to draw, with the options of micropq stream,
and gets the batches that micropq stream would write:

   server = micropq.connect("grpc+tls://gpu-store:8815", token=token, tls_root_certs=pem)
   for batch in server.batches("fisbe", size=(64, 64, 64), batch=4, seed=1, rank=0, world=2):
       raw = batch["raw"]   # numpy, (N, C, Z, Y, X)

The first line on standard output says where it listens. SIGTERM ends it: streams end with
the batch that is being sent and say where to go on. An address that other machines reach
needs TLS, and a token or a client certificate. docs/serving.md has the protocol.

Examples:

   micropq serve fisbe/
   micropq serve fisbe=/data/fisbe sections=/data/nclsm --listen grpc+tls://0.0.0.0:8815 --tls-cert cert.pem --tls-key key.pem --token-file tokens`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Value: "grpc://127.0.0.1:8815", Usage: "`URL`: grpc://HOST:PORT, grpc+tls://HOST:PORT or grpc+unix:///PATH; port 0 takes a free one"},
			&cli.StringFlag{Name: "tls-cert", Usage: "`FILE` with the certificate chain, PEM"},
			&cli.StringFlag{Name: "tls-key", Usage: "`FILE` with its key, PEM"},
			&cli.StringFlag{Name: "tls-client-ca", Usage: "`FILE` with the authorities, PEM, one of which must have signed a client's certificate"},
			&cli.StringFlag{Name: "token-file", Usage: "`FILE` with bearer tokens, one a line, one of which a client must send"},
			&cli.BoolFlag{Name: "insecure", Usage: "listen for other machines without TLS or without a token"},
			&cli.StringFlag{Name: "memory", Value: "4GiB", Usage: "memory of the program, which all streams share"},
			&cli.IntFlag{Name: "max-streams", Value: 8, Usage: "streams at the same time, which share the memory alike"},
			&cli.StringFlag{Name: "max-message", Value: "256MiB", Usage: "size from which a batch is sent in pieces, below 2GiB"},
			&cli.DurationFlag{Name: "grace", Value: 10 * time.Second, Usage: "time for streams to end when the server stops"},
			&cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "processors that a stream uses (default: all)"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "do not log calls on standard error"},
			&cli.BoolFlag{Name: "json", Usage: "print the address, and log, as JSON"},
		},
		OnUsageError: onUsageError,
		Action:       runServe,
	}
}

func runServe(c *cli.Context) (err error) {
	if c.NArg() == 0 {
		return usagef("%s takes [NAME=]DST..., got no argument: see %s --help", c.Command.HelpName, c.Command.HelpName)
	}
	o, err := serveOptions(c)
	if err != nil {
		return &usageError{err}
	}
	address, err := parseListen(c)
	if err != nil {
		return &usageError{err}
	}
	sets, err := openSets(c)
	defer func() {
		for _, s := range sets {
			err = errors.Join(err, s.Dataset.Close())
		}
	}()
	if err != nil {
		return err
	}
	var opened []*loaders.Dataset
	for _, s := range sets {
		opened = append(opened, s.Dataset)
	}
	o.Memory = limitMemory(o.Memory, opened)
	server, err := arrowflight.New(sets, o)
	if err != nil {
		return &usageError{err}
	}
	l, err := address.listen(c.Context)
	if err != nil {
		return usagef("--listen: %w", err)
	}
	if err := sayWhere(c, address.urlOf(l.Addr()), sets); err != nil {
		return errors.Join(err, l.Close())
	}
	return server.Serve(c.Context, l)
}

// sayWhere prints the address, for people and scripts.
func sayWhere(c *cli.Context, where string, sets []arrowflight.Set) error {
	var names []string
	for _, s := range sets {
		names = append(names, s.Name)
	}
	if c.Bool("json") {
		// One line, so that a script need not wait for the end to read it.
		return json.NewEncoder(c.App.Writer).Encode(map[string]any{"listen": where, "datasets": names})
	}
	_, err := fmt.Fprintf(c.App.Writer, "listening on %s\n", where)
	return err
}

// serveOptions reports every problem of the flags at once.
func serveOptions(c *cli.Context) (o arrowflight.Options, err error) {
	o = arrowflight.Options{MaxStreams: c.Int("max-streams"), Workers: c.Int("jobs"), Grace: c.Duration("grace")}
	var errs []error
	take := func(flag string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", flag, err))
		}
	}
	o.Memory, err = parseBytes(c.String("memory"))
	take("memory", err)
	o.MaxMessage, err = parseBytes(c.String("max-message"))
	take("max-message", err)
	if name := c.String("token-file"); name != "" {
		data, err := os.ReadFile(name)
		if err == nil {
			o.Tokens, err = arrowflight.ParseTokens(data)
		}
		take("token-file", err)
	}
	if o.TLS, err = serverTLS(c); err != nil {
		errs = append(errs, err)
	}
	if !c.Bool("quiet") {
		var h slog.Handler = slog.NewTextHandler(c.App.ErrWriter, nil)
		if c.Bool("json") {
			h = slog.NewJSONHandler(c.App.ErrWriter, nil)
		}
		o.Log = slog.New(h)
	}
	return o, errors.Join(append(errs, o.Validate())...)
}

// serverTLS is nil without the flags of TLS.
func serverTLS(c *cli.Context) (*tls.Config, error) {
	cert, key, authority := c.String("tls-cert"), c.String("tls-key"), c.String("tls-client-ca")
	if cert == "" && key == "" && authority == "" {
		return nil, nil
	}
	if cert == "" || key == "" {
		return nil, errors.New("TLS takes both --tls-cert and --tls-key")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert %s, --tls-key %s: %w", cert, key, err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if authority == "" {
		return config, nil
	}
	pem, err := os.ReadFile(authority)
	if err != nil {
		return nil, fmt.Errorf("--tls-client-ca: %w", err)
	}
	config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--tls-client-ca %s: no certificate in it", authority)
	}
	return config, nil
}

// listenURL is where a server listens.
type listenURL struct{ scheme, network, where string }

const unixScheme = "grpc+unix"

// parseListen reads --listen and checks that what it lets in is kept safe.
func parseListen(c *cli.Context) (u listenURL, err error) {
	text, encrypted := c.String("listen"), c.String("tls-cert") != ""
	if !c.IsSet("listen") && encrypted {
		text = strings.Replace(text, "grpc:", "grpc+tls:", 1)
	}
	p, err := url.Parse(text)
	if err != nil {
		return u, fmt.Errorf("--listen: %w", err)
	}
	switch u.scheme = p.Scheme; {
	case p.Scheme == unixScheme && p.Host == "" && p.Path != "":
		return listenURL{unixScheme, "unix", p.Path}, nil
	case (p.Scheme != "grpc" && p.Scheme != "grpc+tls") || p.Port() == "" || p.Path != "":
		return u, fmt.Errorf("--listen %q: want grpc://HOST:PORT, grpc+tls://HOST:PORT or grpc+unix:///PATH", text)
	case (p.Scheme == "grpc+tls") != encrypted:
		return u, fmt.Errorf("--listen %q: grpc+tls goes with --tls-cert and --tls-key, grpc without", text)
	}
	u.network, u.where = "tcp", p.Host
	known := c.String("token-file") != "" || c.String("tls-client-ca") != ""
	if !isLoopback(p.Hostname()) && !(encrypted && known) && !c.Bool("insecure") {
		return u, fmt.Errorf("--listen %q: other machines reach this address: give --tls-cert, --tls-key and --token-file (or --tls-client-ca), or say --insecure", text)
	}
	return u, nil
}

// isLoopback reports whether only this machine reaches a host. A name but localhost is looked up by no one
// here, so it counts as reached.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (u listenURL) listen(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, u.network, u.where)
}

// urlOf is the URL by which clients reach an address.
func (u listenURL) urlOf(a net.Addr) string {
	return u.scheme + "://" + a.String()
}

// openSets opens the data sets of the arguments.
func openSets(c *cli.Context) (sets []arrowflight.Set, err error) {
	for _, arg := range c.Args().Slice() {
		name, location := splitSet(arg)
		// The streams end by themselves when the command is interrupted; until then they read.
		d, err := loaders.Open(context.WithoutCancel(c.Context), location, loaders.Options{Workers: c.Int("jobs")})
		if err != nil {
			return sets, err
		}
		sets = append(sets, arrowflight.Set{Name: name, Dataset: d})
	}
	return sets, nil
}

// splitSet takes NAME=DST apart. Without a name it is the last element of DST.
func splitSet(arg string) (name, location string) {
	if name, location, ok := strings.Cut(arg, "="); ok && !strings.ContainsAny(name, `/\:?`) {
		return name, location
	}
	element := filepath.ToSlash(arg)
	if u, err := url.Parse(arg); err == nil && strings.HasPrefix(u.Scheme, "http") {
		element = u.Path
	} else if absolute, err := filepath.Abs(arg); err == nil {
		element = filepath.ToSlash(absolute)
	}
	return strings.TrimSuffix(path.Base(element), ".zip"), arg
}
