/* A program with a test of its own, so small that it needs nothing but itself. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int self_test(void) {
  struct stat found;
  if (stat("/bin/hello", &found) != 0) {
    puts("self-test: /bin/hello is not in this image");
    return 1;
  }
  if (stat("/usr", &found) == 0) {
    puts("self-test: this is not the root of the image");
    return 1;
  }
  puts("self-test: all is well");
  return 0;
}

int main(int count, char** arguments) {
  if (count > 1 && strcmp(arguments[1], "--self-test") == 0) return self_test();
  puts("hello");
  return 0;
}
