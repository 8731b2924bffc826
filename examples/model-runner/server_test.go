package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func get(t *testing.T, handler http.Handler, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(method, path, nil))
	return recorder
}

func TestHealth_ServerRuns_SaysOK(t *testing.T) {
	answer := get(t, NewHandler(Config{}), http.MethodGet, "/health")
	if answer.Code != http.StatusOK || strings.TrimSpace(answer.Body.String()) != `{"status":"ok"}` {
		t.Fatalf("got %d %s", answer.Code, answer.Body)
	}
}

func TestVersion_VariantSet_NamesBoth(t *testing.T) {
	config := Config{Version: "v1.2.3", Variant: Variant{Name: "cuda", Engine: "llama.cpp", Devices: []string{"nvidia"}}}
	answer := get(t, NewHandler(config), http.MethodGet, "/version")
	want := `{"variant":{"name":"cuda","engine":"llama.cpp","devices":["nvidia"]},"version":"v1.2.3"}`
	if got := strings.TrimSpace(answer.Body.String()); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	if answer := get(t, NewHandler(config), http.MethodGet, "/"); !strings.Contains(answer.Body.String(), "v1.2.3 (cuda)") {
		t.Fatalf("page says %q", answer.Body)
	}
}

func TestModels_FilesAndDirectories_ListsModelsOnlyByName(t *testing.T) {
	root := t.TempDir()
	write := func(name string, size int) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("small.gguf", 3)
	write("README.txt", 9)
	write("big[1]/a.safetensors", 5)
	write("big[1]/b.safetensors", 6)
	write("notes/readme.md", 7)
	if err := os.Symlink("nowhere", filepath.Join(root, "dangling.gguf")); err != nil {
		t.Fatal(err)
	}
	answer := get(t, NewHandler(Config{ModelsPath: root}), http.MethodGet, "/v1/models")
	var list struct{ Data []Model }
	if err := json.Unmarshal(answer.Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	want := []Model{
		{ID: "big[1]", Object: "model", Format: "safetensors", SizeBytes: 11},
		{ID: "small", Object: "model", Format: "gguf", SizeBytes: 3},
	}
	if len(list.Data) != len(want) || list.Data[0] != want[0] || list.Data[1] != want[1] {
		t.Fatalf("got %+v, want %+v", list.Data, want)
	}
}

func TestModels_NoDirectory_EmptyList(t *testing.T) {
	answer := get(t, NewHandler(Config{ModelsPath: filepath.Join(t.TempDir(), "none")}), http.MethodGet, "/v1/models")
	if got := strings.TrimSpace(answer.Body.String()); got != `{"data":[],"object":"list"}` {
		t.Fatalf("got %s", got)
	}
}

func TestModels_PathIsAFile_ServerError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if answer := get(t, NewHandler(Config{ModelsPath: path}), http.MethodGet, "/v1/models"); answer.Code != 500 {
		t.Fatalf("got %d %s", answer.Code, answer.Body)
	}
}

func TestRoutes_WrongPathOrMethod_Refused(t *testing.T) {
	handler := NewHandler(Config{})
	for _, c := range []struct {
		method, path string
		code         int
	}{
		{"GET", "/nothing", 404}, {"GET", "/health/x", 404}, {"POST", "/health", 405},
		{"DELETE", "/v1/models", 405}, {"HEAD", "/health", 200},
	} {
		if answer := get(t, handler, c.method, c.path); answer.Code != c.code {
			t.Errorf("%s %s: got %d, want %d", c.method, c.path, answer.Code, c.code)
		}
	}
}
