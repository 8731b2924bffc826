package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func environment(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

func variantAt(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "variant.json")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRun_Version_PrintsVersionAndVariant(t *testing.T) {
	var out bytes.Buffer
	err := run(context.Background(), []string{"-version"}, environment(map[string]string{
		"MODEL_RUNNER_VERSION":      "v1.0.0",
		"MODEL_RUNNER_VARIANT_FILE": variantAt(t, `{"name": "rocm", "engine": "llama.cpp", "devices": ["amd"]}`),
	}), &out)
	if err != nil || out.String() != "model-runner v1.0.0 (rocm)\n" {
		t.Fatalf("got %q, %v", out.String(), err)
	}
}

func TestRun_BadSurroundings_ErrorNamesThem(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	for want, pairs := range map[string]map[string]string{
		"MODEL_RUNNER_PORT": {"MODEL_RUNNER_PORT": "http", "MODEL_RUNNER_VARIANT_FILE": none},
		"name is missing":   {"MODEL_RUNNER_VARIANT_FILE": variantAt(t, `{}`)},
		"invalid character": {"MODEL_RUNNER_VARIANT_FILE": variantAt(t, `cuda`)},
		"built without":     {"MODEL_RUNNER_VARIANT_FILE": variantAt(t, `{"name": "x", "engine": "abacus"}`)},
	} {
		err := run(context.Background(), []string{"-version"}, environment(pairs), io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

func TestServe_StartedAndStopped_AnswersThenEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, Config{Host: "127.0.0.1", Port: "0", Version: "v1"}, writer)
		writer.Close()
	}()
	line := make([]byte, 256)
	n, err := reader.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimSpace(strings.TrimPrefix(string(line[:n]), "listening on "))
	port := address[strings.LastIndex(address, ":")+1:]
	if err := probe(ctx, port); err != nil {
		t.Fatal(err)
	}
	response, err := http.Get("http://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the server did not end")
	}
	if err := probe(context.Background(), port); err == nil {
		t.Fatal("probe of a server that has ended must fail")
	}
}

func TestVariants_FilesOfTheRelease_EachNamesItsFolderAndAnEngine(t *testing.T) {
	files, err := filepath.Glob("native/variants/*/variant.json")
	if err != nil || len(files) != 7 {
		t.Fatalf("got %d variant files, %v; the release has 7", len(files), err)
	}
	for _, file := range files {
		variant, err := readVariant(file)
		if err != nil {
			t.Error(err)
			continue
		}
		if folder := filepath.Base(filepath.Dir(file)); variant.Name != folder {
			t.Errorf("%s names %q", file, variant.Name)
		}
		_, err = configFromEnvironment(environment(map[string]string{"MODEL_RUNNER_VARIANT_FILE": file}))
		if known := engines[variant.Engine]; known != (err == nil) {
			t.Errorf("%s: engine %q known: %v, but error is %v", file, variant.Engine, known, err)
		}
	}
}
