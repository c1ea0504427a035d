// The register dictionary of Formats/registers as constant tables.
//
// The tables hold offsets and indices instead of pointers, so they are plain read-only data: nothing is
// relocated or initialized when the program starts. Strings are offsets into cformat_strings, where
// offset 0 is the empty string and stands for "none". Runs (fields, behaviors, ...) are the index of
// their first row and a count. Kernel versions are major << 24 | minor << 16 | patch, 0 for none.
//
// Enumerations are positions in the word lists of Scripts/generate-parts/register_tables.py.
#ifndef CFORMATDATA_REGISTER_TABLES_H
#define CFORMATDATA_REGISTER_TABLES_H

#include <stdint.h>

// No other register: the value of cformat_register.mapping and .twin, cformat_condition.reg.
#define CFORMAT_NONE 0xffff

// Ascending by id. A row can stand for several registers, whose ids are member_stride apart: the name has # in place of a
// number, which is first_member for the first one, and fields that are named by INTID count up by intids from one to the next.
struct cformat_register {
    uint64_t id;
    uint64_t volatile_bits;
    uint64_t reset;
    /* Of state that is an attribute of a device: the bits of a write that it keeps. */
    uint64_t stores;
    uint32_t name;
    uint32_t notes;
    uint32_t listed_since;
    uint32_t absent_in;
    uint32_t flags;
    uint16_t aliases;
    uint16_t alias_count;
    uint16_t fields;
    uint16_t field_count;
    uint16_t variants;
    uint16_t variant_count;
    uint16_t behaviors;
    uint16_t behavior_count;
    uint16_t id_fields;
    uint16_t id_field_count;
    uint16_t mapping;
    uint16_t twin;
    uint16_t has_reset;
    uint16_t mapping_lsb;
    uint16_t member_count;
    uint16_t first_member;
    uint16_t member_stride;
    uint16_t intids;
};

// Every name and alias, ascending by the name in capitals.
struct cformat_register_name {
    uint32_t name;
    uint16_t reg;
};

struct cformat_alias {
    uint32_t name;
};

// Another layout of a register and when it applies: where these bits of the register have this value, or, without
// any, by what is not in the register.
struct cformat_variant {
    uint64_t own_mask;
    uint64_t own_value;
    uint32_t when;
    uint16_t fields;
    uint16_t field_count;
};

struct cformat_field {
    uint32_t name;
    uint16_t msb;
    uint16_t lsb;
    uint16_t values;
    uint8_t value_count;
    uint8_t kind;
};

struct cformat_field_value {
    uint32_t value;
    uint32_t name;
};

// What a field says in plain words, and its values. Ascending by field; it means nothing where the field of needs is 0,
// or that of without is not, CFORMAT_NONE for none.
struct cformat_meaning {
    uint32_t says;
    uint16_t field;
    uint16_t values;
    uint8_t value_count;
    uint16_t needs;
    uint16_t without;
    uint8_t form;
    uint8_t tells;
};

// The fields that a field is made of where another one has a value. Ascending by field and value.
struct cformat_part {
    uint32_t value;
    uint16_t field;
    uint16_t by;
    uint16_t fields;
    uint16_t field_count;
};

// What KVM does with a register from one kernel version on, and until another where that is not 0.
struct cformat_behavior {
    uint64_t mask;
    uint64_t keeps;
    uint64_t drops;
    uint32_t from;
    uint32_t until;
    uint32_t rule;
    uint32_t capability;
    uint16_t conditions;
    uint8_t condition_count;
    uint8_t behavior_class;
    uint8_t set_clear;
    // Which of mask (bit 0), keeps (1) and drops (2) are stated.
    uint8_t present;
    uint16_t traits;
};

// What must hold for a register to exist; for an ID field also where it is and its least value.
struct cformat_condition {
    uint32_t text;
    uint8_t kind;
    uint8_t minimum;
    uint16_t reg;
    uint8_t msb;
    uint8_t lsb;
};

struct cformat_id_field {
    uint64_t safe;
    uint32_t field;
    uint32_t offered;
    uint32_t capability;
    uint32_t feature;
    uint16_t specials;
    uint8_t special_count;
    uint8_t msb;
    uint8_t lsb;
    uint8_t rule;
    uint8_t host_rule;
    // Signed (bit 0), has a safe value (1), not tracked (2), only advertised as writable (3).
    uint8_t switches;
};

// No value of a field: of cformat_special.stored and .offered.
#define CFORMAT_NO_VALUE 0xff

// The values it is about are those from first to last, none where last is less.
struct cformat_special {
    uint64_t hardware_mask;
    uint64_t hardware_value;
    uint32_t text;
    uint32_t feature;
    uint32_t from;
    uint32_t until;
    uint8_t kind;
    uint8_t first;
    uint8_t last;
    uint8_t stored;
    uint8_t offered;
};

// Ascending by implementer << 16 | part; part 0xffff names the implementer.
struct cformat_cpu {
    uint32_t identity;
    uint32_t name;
    uint32_t is_mixed;
};

// value is what it reports where the conditions hold, 0 where that is not known.
struct cformat_capability {
    uint32_t number;
    uint32_t name;
    uint32_t since;
    uint32_t enabled_by;
    uint32_t value;
    uint16_t conditions;
    uint8_t condition_count;
    // Reported by arm64 (bit 0), noted in snapshots (bit 1).
    uint8_t flags;
};

struct cformat_feature {
    uint32_t bit;
    uint32_t name;
    uint32_t capability;
    uint32_t needs;
    uint32_t since;
    uint32_t hides_since;
};

// A type of CPU; identity is implementer << 16 | part, 0 of the generic type.
struct cformat_target {
    uint32_t number;
    uint32_t identity;
    uint32_t since;
};

// Ascending by version.
struct cformat_psci_version {
    uint32_t version;
    uint32_t since;
};

// What a vendor puts into the releases of its kernels; the first one that is in a release counts.
struct cformat_kernel_vendor {
    uint32_t mark;
    uint32_t name;
    uint32_t is_stable;
};

// Where a guest switches on what an ID register's field, or a register, stands for.
struct cformat_control {
    uint16_t reg;
    uint32_t field;
    uint16_t control;
    uint8_t msb;
    uint8_t lsb;
};

// A bit of a bitmap of hypercall services, and since when there is the service.
struct cformat_service {
    uint16_t reg;
    uint8_t msb;
    uint8_t lsb;
    uint32_t since;
};

// A change of KVM's user ABI: since which kernels, backports first, which were run, and what it is about.
struct cformat_change {
    uint32_t what;
    uint32_t note;
    // The commits, a space between them.
    uint32_t commits;
    uint16_t kernels;
    uint8_t kernel_count;
    uint16_t examined;
    uint8_t examined_count;
    uint16_t subjects;
    uint16_t subject_count;
    uint8_t kind;
    // A bit for each way in which it is known.
    uint8_t bases;
};

struct cformat_kernel {
    uint32_t version;
};

// A register, with the name of a field where it is that; without a register something else by its name.
struct cformat_subject {
    uint32_t name;
    uint16_t reg;
};

// What fresh guests of some kernels are shown in the bits of a register, those of a register together: of the rows
// that apply the last one counts. Identity is that of cformat_cpu, 0 for every CPU.
struct cformat_showing {
    uint64_t value;
    uint32_t from;
    uint32_t until;
    uint32_t identity;
    uint32_t feature;
    uint32_t field;
    uint16_t reg;
    uint8_t msb;
    uint8_t lsb;
    uint8_t shows;
};

// What a type of CPU has in the bits of a register.
struct cformat_cpu_value {
    uint64_t value;
    uint32_t identity;
    uint16_t reg;
    uint8_t msb;
    uint8_t lsb;
    // Whether some have something else.
    uint8_t is_usual;
};

extern const char cformat_strings[];
// The oldest and the newest kernel the data was taken from, without their patch levels.
extern const uint32_t cformat_oldest_kernel;
extern const uint32_t cformat_newest_kernel;
// The first and the last kernel of which a change is known.
extern const uint32_t cformat_first_change;
extern const uint32_t cformat_last_change;

// Swift does not import arrays of unknown size; these give their first element and their count.
#define CFORMAT_TABLE(type, name)                                                                     \
    extern const struct type name[];                                                                  \
    extern const uint32_t name##_count;                                                               \
    static inline const struct type *_Nonnull name##_table(void) {                                    \
        return name;                                                                                  \
    }

CFORMAT_TABLE(cformat_register, cformat_registers)
CFORMAT_TABLE(cformat_register_name, cformat_names)
CFORMAT_TABLE(cformat_register_name, cformat_dump_names)
CFORMAT_TABLE(cformat_alias, cformat_aliases)
CFORMAT_TABLE(cformat_variant, cformat_variants)
CFORMAT_TABLE(cformat_field, cformat_fields)
CFORMAT_TABLE(cformat_field_value, cformat_values)
CFORMAT_TABLE(cformat_meaning, cformat_meanings)
CFORMAT_TABLE(cformat_part, cformat_parts)
CFORMAT_TABLE(cformat_behavior, cformat_behaviors)
CFORMAT_TABLE(cformat_condition, cformat_conditions)
CFORMAT_TABLE(cformat_id_field, cformat_id_fields)
CFORMAT_TABLE(cformat_special, cformat_specials)
CFORMAT_TABLE(cformat_cpu, cformat_cpus)
CFORMAT_TABLE(cformat_capability, cformat_capabilities)
CFORMAT_TABLE(cformat_feature, cformat_features)
CFORMAT_TABLE(cformat_target, cformat_targets)
CFORMAT_TABLE(cformat_psci_version, cformat_psci_versions)
CFORMAT_TABLE(cformat_kernel_vendor, cformat_kernel_vendors)
CFORMAT_TABLE(cformat_control, cformat_controls)
CFORMAT_TABLE(cformat_service, cformat_services)
CFORMAT_TABLE(cformat_change, cformat_changes)
CFORMAT_TABLE(cformat_kernel, cformat_kernels)
CFORMAT_TABLE(cformat_subject, cformat_subjects)
CFORMAT_TABLE(cformat_showing, cformat_showings)
CFORMAT_TABLE(cformat_cpu_value, cformat_cpu_values)

static inline const char *_Nonnull cformat_string(uint32_t offset) {
    return cformat_strings + offset;
}

#endif
