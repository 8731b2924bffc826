package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Model is one entry of the model directory: a GGUF file, or a directory with safetensors in it.
type Model struct {
	ID        string `json:"id"`
	Object    string `json:"object"`
	Format    string `json:"format"`
	SizeBytes int64  `json:"size_bytes"`
}

// listModels returns the models directly below root, by name. A directory that is not there holds none.
func listModels(root string) ([]Model, error) {
	models := []Model{}
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return models, nil
	}
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		model, err := modelAt(filepath.Join(root, entry.Name()))
		if err != nil {
			return nil, err
		}
		if model != nil {
			models = append(models, *model)
		}
	}
	sort.Slice(models, func(i, j int) bool { return models[i].ID < models[j].ID })
	return models, nil
}

// modelAt returns nil for what is no model.
func modelAt(path string) (*Model, error) {
	info, err := os.Stat(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) { // a link to nothing, or removed while we look
			return nil, nil
		}
		return nil, err
	}
	if info.Mode().IsRegular() && strings.HasSuffix(path, ".gguf") {
		id := strings.TrimSuffix(filepath.Base(path), ".gguf")
		return &Model{ID: id, Object: "model", Format: "gguf", SizeBytes: info.Size()}, nil
	}
	if !info.IsDir() {
		return nil, nil
	}
	parts, err := filepath.Glob(filepath.Join(escapeGlob(path), "*.safetensors"))
	if err != nil || len(parts) == 0 {
		return nil, err
	}
	model := &Model{ID: filepath.Base(path), Object: "model", Format: "safetensors"}
	for _, part := range parts {
		info, err := os.Stat(part)
		if err != nil {
			return nil, err
		}
		model.SizeBytes += info.Size()
	}
	return model, nil
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
