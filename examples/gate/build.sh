#!/bin/sh
# Compiles the program for this machine, without shared libraries: the image holds nothing else.
set -eu
cd "$(dirname "$0")"
mkdir -p build/bin
cc -static -O2 -s -o build/bin/hello hello.c
