// The data of Formats/, compiled into read-only tables by Scripts/generate.
#ifndef CFORMATDATA_H
#define CFORMATDATA_H

#include "host_profiles.h"
#include "register_tables.h"
#include "tcg_models.h"
#include "zstd_dictionary.h"

#endif
