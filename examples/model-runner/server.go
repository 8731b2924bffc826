package main

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// NewHandler answers GET and HEAD for /, /health, /version and /v1/models; everything else is 404 or 405.
func NewHandler(config Config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", only("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "model-runner %s (%s) is running\n", config.Version, config.Variant.Name)
	}))
	mux.HandleFunc("/health", only("/health", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	}))
	mux.HandleFunc("/version", only("/version", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"version": config.Version, "variant": config.Variant})
	}))
	mux.HandleFunc("/v1/models", only("/v1/models", func(w http.ResponseWriter, _ *http.Request) {
		models, err := listModels(config.ModelsPath)
		if err != nil {
			writeJSON(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
			return
		}
		writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": models})
	}))
	return mux
}

// only restricts a handler to reading one exact path.
func only(path string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		next(w, r)
	}
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The status line is out; a client that went away cannot be told anything more.
	_ = json.NewEncoder(w).Encode(value)
}
