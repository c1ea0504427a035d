#include "CLinuxArguments.h"

#include <stddef.h>

#ifndef __linux__
#error "made for Linux"
#endif
#include <features.h>
#ifndef __GLIBC__
#error "only glibc is known to give a constructor the arguments of main()"
#endif

static int argument_count;
static char *const *arguments;

/* Swift's main function keeps what it was given to itself, and CommandLine reads files below /proc instead. */
__attribute__((constructor)) static void keep(int count, char *const values[])
{
    argument_count = count;
    arguments = values;
}

const char *clinux_argument(int index)
{
    return index >= 0 && index < argument_count ? arguments[index] : NULL;
}
