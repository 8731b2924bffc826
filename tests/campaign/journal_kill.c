// For LD_PRELOAD: kills the process at a write to a release's journal. SHIPSET_TEST_KILL is the number of the write,
// counted from 1, and how: "7b" before it, "7h" when half of its bytes are written, "7a" after it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_journal(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 8) return 0;
  path[length] = 0;
  return strcmp(path + length - 8, "/journal") == 0;
}

ssize_t write(int fd, const void* data, size_t size) {
  static ssize_t (*real)(int, const void*, size_t);
  static int seen;
  if (!real) real = (ssize_t(*)(int, const void*, size_t))dlsym(RTLD_NEXT, "write");
  const char* at = getenv("SHIPSET_TEST_KILL");
  if (at && *at && is_journal(fd) && __sync_add_and_fetch(&seen, 1) == atoi(at)) {
    const char how = at[strlen(at) - 1];
    ssize_t ignored = 0;
    if (how == 'h') ignored = real(fd, data, size / 2);
    if (how == 'a') ignored = real(fd, data, size);
    (void)ignored;
    raise(SIGKILL);
  }
  return real(fd, data, size);
}
