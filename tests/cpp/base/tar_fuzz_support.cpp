// The property that tests/fuzz checks for hours is checked for seconds with the unit tests.
#include "../../fuzz/tar_check.cpp"
