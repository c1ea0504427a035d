// The emulated hosts of Formats/hosts, each a list of lines; its name is the stem of its .vhost file.
//
// Most lines are those of other hosts too and stand once. An index that is not below the count gives a
// null pointer or the number 0.
#ifndef CFORMATDATA_HOST_PROFILES_H
#define CFORMATDATA_HOST_PROFILES_H

#include <stddef.h>

size_t cformat_host_profile_count(void);
const char *_Nullable cformat_host_profile_name(size_t index);
size_t cformat_host_profile_line_count(size_t index);

// A line with the line feed at its end; *length is their number of bytes. No NUL follows.
const char *_Nullable cformat_host_profile_line(size_t index, size_t line, size_t *_Nonnull length);

#endif
