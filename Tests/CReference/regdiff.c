/*
 * regdiff: an independent count of what a restore does to the registers of a vCPU.
 *
 * It does by itself, in plain C, what the restore engine does, and shares no code, table or file
 * format with it; where the two disagree, one of them is wrong.
 *
 *   regdiff save FILE       a new vCPU's registers, a line for each: id, size, bytes in hexadecimal
 *   regdiff restore FILE    the registers of FILE into a new vCPU; a line for each: id, outcome
 *
 * Both end with totals, as key=value lines. The outcomes:
 *
 *   absent      the vCPU has no such register (GET says ENOENT)
 *   equal       it held the value before, so it was not written, and holds it at the end
 *   restored    it was written and holds the value at the end
 *   refused     SET failed; the errno follows
 *   changed     SET succeeded, or was not needed, and the value is another at the end
 *   volatile    a counter: what it holds at the end means nothing
 *   skipped     the second view of a PMU register, which must not be written after the first
 *
 * Needs KVM on arm64. Exit status: 0 done, 1 trouble.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define SYSREG(op0, op1, crn, crm, op2)                                                     \
    (0x6030000000130000ull | (uint64_t)(op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | \
     (op2))

#define REG_PSTATE 0x6030000000100042ull
#define REG_SVE_LENGTHS 0x606000000015ffffull
#define REG_PMCR SYSREG(3, 3, 9, 12, 0)

/* The ids of CNTV_CVAL and CNTVCT are swapped in KVM's interface. */
#define REG_VIRTUAL_CONTROL SYSREG(3, 3, 14, 3, 1)
#define REG_VIRTUAL_COUNT SYSREG(3, 3, 14, 3, 2)
#define REG_VIRTUAL_VALUE SYSREG(3, 3, 14, 0, 2)
#define REG_PHYSICAL_COUNT SYSREG(3, 3, 14, 0, 1)
#define REG_PHYSICAL_CONTROL SYSREG(3, 3, 14, 2, 1)
#define REG_PHYSICAL_VALUE SYSREG(3, 3, 14, 2, 2)

#define MAXIMUM_SIZE 256

struct reg {
    uint64_t id;
    uint8_t wanted[MAXIMUM_SIZE];
    uint8_t found[MAXIMUM_SIZE];
    int order;
    int readable; /* 0, or the errno of the first GET */
    int refusal;  /* 0, or the errno of SET */
    int written;
    int skipped;
};

struct registers {
    struct reg *items;
    size_t count;
};

static void fail(const char *what)
{
    fprintf(stderr, "regdiff: %s: %s\n", what, strerror(errno));
    exit(1);
}

static size_t size_of(uint64_t id)
{
    return (size_t)1 << ((id >> 52) & 0xf);
}

static unsigned space_of(uint64_t id)
{
    return (id >> 16) & 0xfff;
}

/* ------------------------------------------------------------------------- the vCPU */

static int get(int vcpu, uint64_t id, void *value)
{
    struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)value};

    return ioctl(vcpu, KVM_GET_ONE_REG, &reg) < 0 ? errno : 0;
}

static int set(int vcpu, uint64_t id, void *value)
{
    struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)value};

    return ioctl(vcpu, KVM_SET_ONE_REG, &reg) < 0 ? errno : 0;
}

/* Makes a vCPU with everything an ordinary 64-bit guest can have on this host; *has_sve tells
 * whether it still has to be finalized. */
static int make_vcpu(int *has_sve)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int vm, vcpu;
    struct kvm_vcpu_init init;

    if (kvm < 0)
        fail("/dev/kvm");
    vm = ioctl(kvm, KVM_CREATE_VM, 0);
    if (vm < 0)
        fail("KVM_CREATE_VM");
    vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    if (vcpu < 0)
        fail("KVM_CREATE_VCPU");
    memset(&init, 0, sizeof(init));
    if (ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init) < 0)
        fail("KVM_ARM_PREFERRED_TARGET");
    memset(init.features, 0, sizeof(init.features));
    init.features[0] = 1u << KVM_ARM_VCPU_PSCI_0_2;
    if (ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PMU_V3) > 0)
        init.features[0] |= 1u << KVM_ARM_VCPU_PMU_V3;
    *has_sve = ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_SVE) > 0;
    if (*has_sve)
        init.features[0] |= 1u << KVM_ARM_VCPU_SVE;
    if (ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PTRAUTH_ADDRESS) > 0 &&
        ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PTRAUTH_GENERIC) > 0)
        init.features[0] |= 1u << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1u << KVM_ARM_VCPU_PTRAUTH_GENERIC;
    if (ioctl(vcpu, KVM_ARM_VCPU_INIT, &init) < 0)
        fail("KVM_ARM_VCPU_INIT");
    return vcpu;
}

static void finalize(int vcpu, int has_sve)
{
    int feature = KVM_ARM_VCPU_SVE;

    if (has_sve && ioctl(vcpu, KVM_ARM_VCPU_FINALIZE, &feature) < 0)
        fail("KVM_ARM_VCPU_FINALIZE");
}

static struct kvm_reg_list *list_of(int vcpu)
{
    struct kvm_reg_list probe = {.n = 0};
    struct kvm_reg_list *list;

    if (ioctl(vcpu, KVM_GET_REG_LIST, &probe) == 0 || errno != E2BIG)
        fail("KVM_GET_REG_LIST did not tell its size");
    list = calloc(1, sizeof(*list) + probe.n * sizeof(list->reg[0]));
    if (list == NULL)
        fail("memory");
    list->n = probe.n;
    if (ioctl(vcpu, KVM_GET_REG_LIST, list) < 0)
        fail("KVM_GET_REG_LIST");
    return list;
}

/* ------------------------------------------------------------------------- save */

static void save(const char *path)
{
    int has_sve, vcpu = make_vcpu(&has_sve);
    FILE *file = fopen(path, "w");
    struct kvm_reg_list *list;
    uint8_t value[MAXIMUM_SIZE];
    size_t saved = 0;

    if (file == NULL)
        fail(path);
    finalize(vcpu, has_sve);
    list = list_of(vcpu);
    for (size_t i = 0; i < list->n; i++) {
        uint64_t id = list->reg[i];
        int error = get(vcpu, id, value);

        if (error != 0) {
            fprintf(stderr, "regdiff: 0x%016llx: %s\n", (unsigned long long)id, strerror(error));
            continue;
        }
        fprintf(file, "0x%016llx %zu ", (unsigned long long)id, size_of(id));
        for (size_t byte = 0; byte < size_of(id); byte++)
            fprintf(file, "%02x", value[byte]);
        fputc('\n', file);
        saved++;
    }
    if (fclose(file) != 0)
        fail(path);
    printf("listed=%llu\nsaved=%zu\n", (unsigned long long)list->n, saved);
}

/* ------------------------------------------------------------------------- restore */

static int is_counter(uint64_t id)
{
    /* PMEVCNTR<n>_EL0 are op1 3, CRn 14, CRm 8 to 11. */
    return id == REG_VIRTUAL_COUNT || id == REG_PHYSICAL_COUNT || id == SYSREG(3, 3, 9, 13, 0) ||
           (id >= SYSREG(3, 3, 14, 8, 0) && id <= SYSREG(3, 3, 14, 11, 6));
}

/* PMCNTENCLR_EL0, PMOVSCLR_EL0 and PMINTENCLR_EL1. */
static int is_second_view(uint64_t id)
{
    return id == SYSREG(3, 3, 9, 12, 2) || id == SYSREG(3, 3, 9, 12, 3) ||
           id == SYSREG(3, 0, 9, 14, 2);
}

/* The identification registers: op0 3, op1 0, CRn 0; CLIDR, CCSIDR and AIDR of op1 1; CTR. */
static int is_identification(uint64_t id)
{
    unsigned encoding = id & 0xffff;
    unsigned op1 = (encoding >> 11) & 7;

    if (space_of(id) == 0x11)
        return 1;
    if (space_of(id) != 0x13 || encoding >> 14 != 3 || ((encoding >> 7) & 15) != 0)
        return 0;
    return op1 == 0 || op1 == 1 || id == SYSREG(3, 3, 0, 0, 1);
}

/* When a register is written: what decides about others comes first. */
static int order_of(uint64_t id)
{
    if (id == REG_SVE_LENGTHS)
        return 0;
    if (space_of(id) == 0x14 || space_of(id) == 0x16)
        return 1;
    if (is_identification(id))
        return 2;
    if (id == REG_PMCR)
        return 3;
    if (id == REG_PSTATE)
        return 4;
    if (space_of(id) == 0x10)
        return size_of(id) == 16 ? 6 : 5;
    if (space_of(id) == 0x15)
        return 6;
    if (id == REG_VIRTUAL_CONTROL || id == REG_VIRTUAL_VALUE || id == REG_PHYSICAL_CONTROL ||
        id == REG_PHYSICAL_VALUE)
        return 8;
    return id == REG_VIRTUAL_COUNT || id == REG_PHYSICAL_COUNT ? 9 : 7;
}

static int by_order(const void *left, const void *right)
{
    const struct reg *a = left, *b = right;

    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static int by_id(const void *left, const void *right)
{
    const struct reg *a = left, *b = right;

    return a->id < b->id ? -1 : a->id > b->id;
}

static struct registers load(const char *path)
{
    FILE *file = fopen(path, "r");
    struct registers all = {NULL, 0};
    unsigned long long id;
    size_t size;
    char text[2 * MAXIMUM_SIZE + 1];

    if (file == NULL)
        fail(path);
    while (fscanf(file, "%llx %zu %512s", &id, &size, text) == 3) {
        struct reg *item;

        all.items = realloc(all.items, (all.count + 1) * sizeof(*all.items));
        if (all.items == NULL)
            fail("memory");
        item = &all.items[all.count++];
        memset(item, 0, sizeof(*item));
        item->id = id;
        item->order = order_of(id);
        errno = EINVAL;
        if (size != size_of(id) || size > MAXIMUM_SIZE || strlen(text) != 2 * size)
            fail(path);
        for (size_t byte = 0; byte < size; byte++)
            if (sscanf(text + 2 * byte, "%2hhx", &item->wanted[byte]) != 1)
                fail(path);
    }
    fclose(file);
    qsort(all.items, all.count, sizeof(*all.items), by_order);
    return all;
}

static int same(const struct reg *reg)
{
    uint8_t wanted = reg->wanted[0], found = reg->found[0];

    if (reg->id == REG_VIRTUAL_CONTROL || reg->id == REG_PHYSICAL_CONTROL) {
        /* ISTATUS, bit 2, tells the time. */
        wanted &= (uint8_t)~4;
        found &= (uint8_t)~4;
    }
    return wanted == found && memcmp(reg->wanted + 1, reg->found + 1, size_of(reg->id) - 1) == 0;
}

static void put(int vcpu, struct reg *reg)
{
    reg->readable = get(vcpu, reg->id, reg->found);
    if (reg->readable == ENOENT)
        return;
    reg->skipped = is_second_view(reg->id);
    if (reg->skipped)
        return;
    if (reg->readable == 0 && memcmp(reg->wanted, reg->found, size_of(reg->id)) == 0)
        return;
    reg->written = 1;
    reg->refusal = set(vcpu, reg->id, reg->wanted);
}

static const char *outcome_of(const struct reg *reg)
{
    if (reg->readable == ENOENT)
        return "absent";
    if (reg->skipped)
        return "skipped";
    if (reg->refusal != 0)
        return "refused";
    if (is_counter(reg->id))
        return "volatile";
    if (!same(reg))
        return "changed";
    return reg->written ? "restored" : "equal";
}

static void restore(const char *path)
{
    static const char *const outcomes[] = {
        "absent", "equal", "restored", "refused", "changed", "volatile", "skipped",
    };
    enum { OUTCOMES = sizeof(outcomes) / sizeof(outcomes[0]) };
    struct registers all = load(path);
    size_t totals[OUTCOMES] = {0};
    int has_sve, finalized = 0, vcpu = make_vcpu(&has_sve);
    struct kvm_reg_list *list;
    size_t unwanted;

    for (size_t i = 0; i < all.count; i++) {
        if (!finalized && all.items[i].order > 0) {
            finalize(vcpu, has_sve);
            finalized = 1;
        }
        put(vcpu, &all.items[i]);
    }
    if (!finalized)
        finalize(vcpu, has_sve);
    list = list_of(vcpu);
    unwanted = list->n;
    qsort(all.items, all.count, sizeof(*all.items), by_id);
    for (size_t i = 0; i < all.count; i++) {
        struct reg *reg = &all.items[i];
        const char *outcome;

        if (reg->readable != ENOENT && get(vcpu, reg->id, reg->found) != 0)
            reg->refusal = errno;
        outcome = outcome_of(reg);
        printf("0x%016llx %s", (unsigned long long)reg->id, outcome);
        if (reg->refusal != 0)
            printf(" %s", strerrorname_np(reg->refusal));
        putchar('\n');
        for (int kind = 0; kind < OUTCOMES; kind++)
            totals[kind] += strcmp(outcome, outcomes[kind]) == 0;
        for (size_t k = 0; k < list->n; k++)
            unwanted -= list->reg[k] == reg->id;
    }
    for (int kind = 0; kind < OUTCOMES; kind++)
        printf("%s=%zu\n", outcomes[kind], totals[kind]);
    printf("not-in-snapshot=%zu\ntotal=%zu\n", unwanted, all.count);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "save") == 0) {
        save(argv[2]);
    } else if (argc == 3 && strcmp(argv[1], "restore") == 0) {
        restore(argv[2]);
    } else {
        fputs("usage: regdiff save FILE | regdiff restore FILE\n", stderr);
        return 1;
    }
    return 0;
}
