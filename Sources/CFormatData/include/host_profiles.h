// The emulated hosts of Formats/hosts, one blob for each .vhost file; its name is the file's stem.
//
// An index that is not below the count gives a null pointer or length 0.
#ifndef CFORMATDATA_HOST_PROFILES_H
#define CFORMATDATA_HOST_PROFILES_H

#include <stddef.h>

size_t cformat_host_profile_count(void);
const char *_Nullable cformat_host_profile_name(size_t index);
const unsigned char *_Nullable cformat_host_profile_bytes(size_t index);
size_t cformat_host_profile_length(size_t index);

#endif
