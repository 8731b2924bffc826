// Command model-runner is the program of the example release: a small server that reports its health, its
// version and variant, and the models in its model directory. It runs nothing by itself; inference engines are
// what a real image would add beside it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const shutdownGrace = 5 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "model-runner:", err)
		os.Exit(1)
	}
}

// run is main without the process around it. getenv and out are passed in so that tests need no environment.
func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	flags := flag.NewFlagSet("model-runner", flag.ContinueOnError)
	flags.SetOutput(out)
	showVersion := flags.Bool("version", false, "print version and variant, then leave")
	healthcheck := flags.Bool("healthcheck", false, "ask the running server for its health; exit code 1 if it is not well")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	config, err := configFromEnvironment(getenv)
	if err != nil {
		return err
	}
	switch {
	case *showVersion:
		_, err = fmt.Fprintf(out, "model-runner %s (%s)\n", config.Version, config.Variant.Name)
		return err
	case *healthcheck:
		return probe(ctx, config.Port)
	}
	return serve(ctx, config, out)
}

// serve answers until ctx ends. It writes one line with its address once it listens.
func serve(ctx context.Context, config Config, out io.Writer) error {
	listener, err := net.Listen("tcp", net.JoinHostPort(config.Host, config.Port))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: NewHandler(config), ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintf(out, "listening on %s\n", listener.Addr())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		grace, cancel := context.WithTimeout(context.Background(), shutdownGrace)
		defer cancel()
		return server.Shutdown(grace)
	}
}

// probe serves as health check inside images that have no shell and no curl.
func probe(ctx context.Context, port string) error {
	ctx, cancel := context.WithTimeout(ctx, shutdownGrace)
	defer cancel()
	url := "http://" + net.JoinHostPort("127.0.0.1", port) + "/health"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status)
	}
	return nil
}
