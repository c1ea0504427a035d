// The emulated CPUs of QEMU of Formats/tcg, each a list of lines; its name is the stem of its .vtcg file.
//
// Most lines are those of other CPUs too and stand once. An index that is not below the count gives a
// null pointer or the number 0.
#ifndef CFORMATDATA_TCG_MODELS_H
#define CFORMATDATA_TCG_MODELS_H

#include <stddef.h>

size_t cformat_tcg_model_count(void);
const char *_Nullable cformat_tcg_model_name(size_t index);
size_t cformat_tcg_model_line_count(size_t index);

// A line with the line feed at its end; *length is their number of bytes. No NUL follows.
const char *_Nullable cformat_tcg_model_line(size_t index, size_t line, size_t *_Nonnull length);

#endif
