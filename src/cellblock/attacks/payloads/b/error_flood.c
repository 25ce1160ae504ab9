/* Two errors at each level, with all the levels above them told of each: gigabytes, and little memory. */
#if __INCLUDE_LEVEL__ < 24
undeclared something;
#include __FILE__
#include __FILE__
#endif
