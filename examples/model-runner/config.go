package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
)

// Variant says which flavour of the product an image is; the file stands in the image as variantFile.
type Variant struct {
	Name    string   `json:"name"`
	Engine  string   `json:"engine"`
	Devices []string `json:"devices"`
}

// Config is everything that the server takes from its surroundings.
type Config struct {
	Host, Port string
	ModelsPath string
	Version    string
	Variant    Variant
}

const variantFile = "/etc/model-runner/variant.json"

// configFromEnvironment reads the variables that the images set. Unset ones get the defaults of a local try-out.
func configFromEnvironment(getenv func(string) string) (Config, error) {
	either := func(name, fallback string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return fallback
	}
	config := Config{
		Host:       getenv("MODEL_RUNNER_HOST"),
		Port:       either("MODEL_RUNNER_PORT", "12434"),
		ModelsPath: either("MODELS_PATH", "/models"),
		Version:    either("MODEL_RUNNER_VERSION", "dev"),
	}
	if port, err := strconv.Atoi(config.Port); err != nil || port < 0 || port > 65535 {
		return Config{}, fmt.Errorf("MODEL_RUNNER_PORT is %q, want a number from 0 to 65535", config.Port)
	}
	variant, err := readVariant(either("MODEL_RUNNER_VARIANT_FILE", variantFile))
	if err != nil {
		return Config{}, err
	}
	if !engines[variant.Engine] {
		return Config{}, fmt.Errorf("variant %q wants engine %q, which this program was built without", variant.Name, variant.Engine)
	}
	config.Variant = variant
	return config, nil
}

// readVariant reads the variant file; without one the program is its CPU variant.
func readVariant(path string) (Variant, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Variant{Name: "cpu", Engine: "llama.cpp", Devices: []string{}}, nil
	}
	if err != nil {
		return Variant{}, err
	}
	var variant Variant
	if err := json.Unmarshal(data, &variant); err != nil {
		return Variant{}, fmt.Errorf("%s: %w", path, err)
	}
	if variant.Name == "" {
		return Variant{}, fmt.Errorf("%s: name is missing", path)
	}
	return variant, nil
}
