//go:build !novllm

package main

func init() { engines["vllm"] = true }
