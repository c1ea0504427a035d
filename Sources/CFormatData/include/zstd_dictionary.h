// The zstd dictionaries of Formats/*.zdict; the name is the file's stem (vcpusnap-v1).
//
// An index that is not below the count gives a null pointer or length 0.
#ifndef CFORMATDATA_ZSTD_DICTIONARY_H
#define CFORMATDATA_ZSTD_DICTIONARY_H

#include <stddef.h>

size_t cformat_zstd_dictionary_count(void);
const char *_Nullable cformat_zstd_dictionary_name(size_t index);
const unsigned char *_Nullable cformat_zstd_dictionary_bytes(size_t index);
size_t cformat_zstd_dictionary_length(size_t index);

#endif
