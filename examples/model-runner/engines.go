package main

// engines are the inference engines that this program can drive. Build tags leave some out, as the images of
// one engine alone do.
var engines = map[string]bool{"llama.cpp": true, "sglang": true}
