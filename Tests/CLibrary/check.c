/*
 * Calls every function of vcpusnap.h, with what it is for and with what cannot be meant. The machines are banks of
 * this program's, filled from the snapshot that is named.
 * usage: check SNAPSHOT FOLDER [ROUNDS]
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vcpusnap.h>

static int failures;

#define CHECK(condition)                                                                        \
    do {                                                                                        \
        if (!(condition)) {                                                                     \
            printf("line %d: not so: %s\n", __LINE__, #condition);                              \
            failures++;                                                                         \
        }                                                                                       \
    } while (0)

#define SUCCEEDS(call)                                                                          \
    do {                                                                                        \
        error = (vcpusnap_error)VCPUSNAP_ERROR_INIT;                                            \
        if ((call) != VCPUSNAP_OK) {                                                            \
            printf("line %d: %s\n", __LINE__, error.message);                                   \
            exit(1);                                                                            \
        }                                                                                       \
    } while (0)

/* Fails with that status, says something, makes nothing, and leaves errno alone. */
#define FAILS(wanted, call)                                                                     \
    do {                                                                                        \
        error = (vcpusnap_error)VCPUSNAP_ERROR_INIT;                                            \
        errno = 4711;                                                                           \
        CHECK((call) == (wanted));                                                              \
        CHECK(error.status == (wanted) && error.message[0] != 0);                               \
        CHECK(errno == 4711);                                                                   \
    } while (0)

static vcpusnap_error error;

/* ---- How much memory is taken: not with checkers of memory, which do it, too ---- */

#ifdef COUNTS_ALLOCATIONS
#include "allocations.h"
#else
static long allocations;
#endif

/* ---- Banks ---- */

struct unit {
    size_t count;
    uint64_t ids[16384];
    unsigned char (*values)[VCPUSNAP_VALUE_MAX];
    /* What is refused, what keeps only its low bits, what is not there. */
    uint64_t refused, masked, absent, unreadable;
    size_t writes;
};

static size_t place(const struct unit *unit, uint64_t id)
{
    size_t at = 0;

    while (at < unit->count && unit->ids[at] != id)
        at++;
    return id == unit->absent ? unit->count : at;
}

static int list(void *context, uint64_t *ids, size_t capacity, size_t *count)
{
    struct unit *unit = context;
    size_t at, listed = 0;

    for (at = 0; at < unit->count; at++) {
        if (unit->ids[at] == unit->absent)
            continue;
        if (listed < capacity)
            ids[listed] = unit->ids[at];
        listed++;
    }
    *count = listed;
    return 0;
}

static int read_register(void *context, uint64_t id, void *value, size_t size)
{
    struct unit *unit = context;
    size_t at = place(unit, id);

    if (at == unit->count)
        return ENOENT;
    if (id == unit->unreadable)
        return EIO;
    memcpy(value, unit->values[at], size);
    return 0;
}

static int write_register(void *context, uint64_t id, const void *value, size_t size)
{
    struct unit *unit = context;
    size_t at = place(unit, id);

    unit->writes++;
    if (at == unit->count)
        return ENOENT;
    if (id == unit->refused)
        return -EINVAL; /* as the kernel returns it */
    memcpy(unit->values[at], value, size);
    if (id == unit->masked)
        unit->values[at][0] &= 0xf0;
    return 0;
}

static struct unit *unit_of(const vcpusnap_snapshot *snapshot, int64_t number)
{
    struct unit *unit = calloc(1, sizeof *unit);
    size_t at, length;

    unit->count = vcpusnap_snapshot_register_count(snapshot, number);
    unit->values = calloc(unit->count + 1, sizeof *unit->values);
    for (at = 0; at < unit->count; at++) {
        unit->ids[at] = vcpusnap_snapshot_register_id(snapshot, number, at);
        SUCCEEDS(vcpusnap_snapshot_get(snapshot, number, unit->ids[at], unit->values[at],
                                       sizeof unit->values[at], &length, &error));
        CHECK(length == vcpusnap_register_size(unit->ids[at]));
    }
    return unit;
}

static void free_unit(struct unit *unit)
{
    free(unit->values);
    free(unit);
}

static vcpusnap_bank bank_of(struct unit *unit, uint32_t index)
{
    vcpusnap_bank bank = { unit, index, list, read_register, write_register };

    return bank;
}

/* ---- What it is for ---- */

#define TPIDR_EL1 0x603000000013c684u
#define SCTLR_EL1 0x603000000013c080u
#define VBAR_EL1 0x603000000013c600u

static struct unit *unit;
static vcpusnap_snapshot *original;
static vcpusnap_machine *machine;

static int descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static int is_same(const vcpusnap_snapshot *left, const vcpusnap_snapshot *right)
{
    vcpusnap_difference *difference;
    int same;

    SUCCEEDS(vcpusnap_compare(left, right, &difference, &error));
    same = vcpusnap_difference_is_same(difference);
    vcpusnap_difference_destroy(difference);
    return same;
}

static void captures(long rounds)
{
    vcpusnap_capture *capture;
    vcpusnap_snapshot *snapshot;
    size_t held = 0;
    int open = 0;
    long round, taken;

    taken = allocations;
    SUCCEEDS(vcpusnap_save(machine, &snapshot, &error));
    CHECK(is_same(original, snapshot));
    vcpusnap_snapshot_destroy(snapshot);
#ifdef COUNTS_ALLOCATIONS
    CHECK(allocations > taken);
#endif

    SUCCEEDS(vcpusnap_prepare(machine, &capture, &error));
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_capture_finish(capture, &snapshot, &error));
    taken = allocations;
    SUCCEEDS(vcpusnap_capture_read(capture, &error));
    CHECK(allocations == taken);
    printf("%ld allocations while the guest stands still\n", allocations - taken);
    SUCCEEDS(vcpusnap_capture_finish(capture, &snapshot, &error));
    CHECK(is_same(original, snapshot));
    vcpusnap_snapshot_destroy(snapshot);

    unit->unreadable = TPIDR_EL1;
    FAILS(VCPUSNAP_ERROR_REGISTER, vcpusnap_capture_read(capture, &error));
    CHECK(error.register_id == TPIDR_EL1 && error.os_error == EIO && strstr(error.message, "TPIDR_EL1"));
    FAILS(VCPUSNAP_ERROR_REGISTER, vcpusnap_save(machine, &snapshot, &error));
    CHECK(error.register_id == TPIDR_EL1 && error.os_error == EIO);
    unit->unreadable = 0;

    for (round = 0; round < rounds; round++) {
        if (round == rounds / 10) {
            held = mallinfo2().uordblks;
            open = descriptors();
        }
        SUCCEEDS(vcpusnap_save(machine, &snapshot, &error));
        vcpusnap_snapshot_destroy(snapshot);
        SUCCEEDS(vcpusnap_capture_read(capture, &error));
        SUCCEEDS(vcpusnap_capture_finish(capture, &snapshot, &error));
        vcpusnap_snapshot_destroy(snapshot);
    }
    printf("%ld captures: %zu bytes held before, %zu after\n", rounds, held, (size_t)mallinfo2().uordblks);
    CHECK(rounds < 10 || mallinfo2().uordblks < held + 4096);
    CHECK(rounds < 10 || descriptors() == open);
    vcpusnap_capture_destroy(capture);
}

static void files(const char *folder)
{
    char path[4096];
    vcpusnap_snapshot *again = NULL;
    const void *bytes;
    unsigned char *damaged;
    size_t size;
    int pipes[2];

    SUCCEEDS(vcpusnap_snapshot_encode(original, &bytes, &size, &error));
    SUCCEEDS(vcpusnap_snapshot_decode(bytes, size, &again, &error));
    CHECK(is_same(original, again));
    vcpusnap_snapshot_destroy(again);

    damaged = malloc(size);
    memcpy(damaged, bytes, size);
    damaged[size / 2] ^= 1;
    FAILS(VCPUSNAP_ERROR_FORMAT, vcpusnap_snapshot_decode(damaged, size, &again, &error));
    FAILS(VCPUSNAP_ERROR_FORMAT, vcpusnap_snapshot_decode(damaged, size / 2, &again, &error));
    FAILS(VCPUSNAP_ERROR_FORMAT, vcpusnap_snapshot_decode("", 0, &again, &error));
    free(damaged);

    snprintf(path, sizeof path, "%s/library.vcpusnap", folder);
    SUCCEEDS(vcpusnap_snapshot_write_file(original, path, &error));
    SUCCEEDS(vcpusnap_snapshot_read_file(path, &again, &error));
    CHECK(is_same(original, again));
    vcpusnap_snapshot_destroy(again);
    FAILS(VCPUSNAP_ERROR_SYSTEM, vcpusnap_snapshot_read_file("/nonexistent/file", &again, &error));
    CHECK(error.os_error == ENOENT && strstr(error.message, "/nonexistent/file"));
    FAILS(VCPUSNAP_ERROR_SYSTEM, vcpusnap_snapshot_write_file(original, "/nonexistent/file", &error));
    FAILS(VCPUSNAP_ERROR_FORMAT, vcpusnap_snapshot_read_file("/proc/self/cmdline", &again, &error));

    if (pipe(pipes) < 0 || fcntl(pipes[1], F_SETPIPE_SZ, 1 << 20) < 0)
        exit(1);
    SUCCEEDS(vcpusnap_snapshot_write_fd(original, pipes[1], &error));
    close(pipes[1]);
    SUCCEEDS(vcpusnap_snapshot_read_fd(pipes[0], &again, &error));
    CHECK(is_same(original, again));
    vcpusnap_snapshot_destroy(again);
    FAILS(VCPUSNAP_ERROR_FORMAT, vcpusnap_snapshot_read_fd(pipes[0], &again, &error));
    close(pipes[0]);
    FAILS(VCPUSNAP_ERROR_SYSTEM, vcpusnap_snapshot_read_fd(pipes[0], &again, &error));
    CHECK(error.os_error == EBADF);

    /* Nobody reads it any more, and this program does not end by a signal. */
    if (pipe(pipes) < 0)
        exit(1);
    close(pipes[0]);
    FAILS(VCPUSNAP_ERROR_SYSTEM, vcpusnap_snapshot_write_fd(original, pipes[1], &error));
    CHECK(error.os_error == EPIPE);
    close(pipes[1]);
}

static void registers(void)
{
    vcpusnap_snapshot *copy;
    vcpusnap_difference *difference;
    vcpusnap_register_difference entry;
    const void *bytes;
    uint64_t value = 0x1234, id;
    size_t size;
    char text[4096];

    SUCCEEDS(vcpusnap_snapshot_encode(original, &bytes, &size, &error));
    SUCCEEDS(vcpusnap_snapshot_decode(bytes, size, &copy, &error));
    SUCCEEDS(vcpusnap_snapshot_set(copy, 0, TPIDR_EL1, &value, sizeof value, &error));
    value = 0;
    SUCCEEDS(vcpusnap_snapshot_get(copy, 0, TPIDR_EL1, &value, sizeof value, NULL, &error));
    CHECK(value == 0x1234);
    SUCCEEDS(vcpusnap_compare(original, copy, &difference, &error));
    CHECK(!vcpusnap_difference_is_same(difference));
    CHECK(vcpusnap_difference_next(difference, &entry) == 1);
    CHECK(entry.unit == 0 && entry.id == TPIDR_EL1 && !strcmp(entry.name, "TPIDR_EL1") && !entry.is_volatile);
    CHECK(entry.value_size == 8 && !memcmp(entry.right, &value, 8) && memcmp(entry.left, &value, 8));
    CHECK(vcpusnap_difference_next(difference, &entry) == 0);
    CHECK(vcpusnap_difference_next(difference, &entry) == 1);
    vcpusnap_difference_destroy(difference);

    CHECK(vcpusnap_snapshot_get_provenance(copy, "note") == NULL);
    SUCCEEDS(vcpusnap_snapshot_set_provenance(copy, "note", "one", &error));
    CHECK(!strcmp(vcpusnap_snapshot_get_provenance(copy, "note"), "one"));
    SUCCEEDS(vcpusnap_snapshot_set_provenance(copy, "note", NULL, &error));
    CHECK(vcpusnap_snapshot_get_provenance(copy, "note") == NULL);
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_snapshot_set_provenance(copy, "note", "two\nlines", &error));
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_snapshot_set_provenance(copy, "", "text", &error));

    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_snapshot_set(copy, 0, TPIDR_EL1, &value, 4, &error));
    FAILS(VCPUSNAP_ERROR_NOT_FOUND, vcpusnap_snapshot_set(copy, 99, TPIDR_EL1, &value, 8, &error));
    FAILS(VCPUSNAP_ERROR_NOT_FOUND, vcpusnap_snapshot_get(copy, 99, TPIDR_EL1, &value, 8, NULL, &error));
    FAILS(VCPUSNAP_ERROR_NOT_FOUND, vcpusnap_snapshot_get(copy, 0, 1, &value, 8, NULL, &error));
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_snapshot_get(copy, 0, TPIDR_EL1, &value, 7, &size, &error));
    CHECK(size == 8);
    CHECK(vcpusnap_snapshot_vcpu_count(copy) >= 1);
    CHECK(vcpusnap_snapshot_vcpu_index(copy, 0) == 0);
    CHECK(vcpusnap_snapshot_vcpu_index(copy, SIZE_MAX) == -1);
    CHECK(vcpusnap_snapshot_register_count(copy, INT64_MIN) == 0);
    CHECK(vcpusnap_snapshot_register_id(copy, 0, SIZE_MAX) == 0);
    vcpusnap_snapshot_destroy(copy);

    CHECK(vcpusnap_register_size(TPIDR_EL1) == 8 && vcpusnap_register_size(UINT64_MAX) == 0);
    CHECK(vcpusnap_register_name(SCTLR_EL1, text, sizeof text) == 9 && !strcmp(text, "SCTLR_EL1"));
    CHECK(vcpusnap_register_name(SCTLR_EL1, text, 4) == 9 && !strcmp(text, "SCT"));
    CHECK(vcpusnap_register_name(SCTLR_EL1, NULL, 0) == 9);
    SUCCEEDS(vcpusnap_register_find("3,0,1,0,0", &id, &error));
    CHECK(id == SCTLR_EL1);
    FAILS(VCPUSNAP_ERROR_NOT_FOUND, vcpusnap_register_find("no such register", &id, &error));
    value = 1;
    CHECK(vcpusnap_register_describe(SCTLR_EL1, &value, 8, text, sizeof text) == strlen(text));
    CHECK(strstr(text, "M 0x1"));
    CHECK(vcpusnap_register_describe(SCTLR_EL1, &value, 3, text, sizeof text) == 0);
}

static int count_steps(void *context, size_t done, size_t total)
{
    size_t *steps = context;

    CHECK(done == *steps && done < total);
    ++*steps;
    return 0;
}

static int end_at_once(void *context, size_t done, size_t total)
{
    (void)context, (void)done, (void)total;
    return 1;
}

static void restores(void)
{
    struct unit *other = unit_of(original, 0), *vm = unit_of(original, VCPUSNAP_VM);
    vcpusnap_bank bank = bank_of(other, 0), vm_bank = bank_of(vm, 0);
    vcpusnap_bank banks[2] = { bank, bank };
    vcpusnap_restore_options options = VCPUSNAP_RESTORE_OPTIONS_INIT;
    vcpusnap_machine *target;
    vcpusnap_policy *policy;
    vcpusnap_report *report;
    vcpusnap_outcome outcome;
    vcpusnap_field_difference field;
    vcpusnap_counter_difference counter;
    size_t steps = 0, registers = 0, losses = 0, fields = 0;
    uint64_t zero = 0;

    /* What becomes of a register that is another one there. */
    write_register(other, TPIDR_EL1, &zero, 8);
    write_register(other, SCTLR_EL1, &zero, 8);
    write_register(other, VBAR_EL1, &zero, 8);
    SUCCEEDS(vcpusnap_machine_create_from_banks(&bank, 1, &vm_bank, &target, &error));
    SUCCEEDS(vcpusnap_machine_save_tables(target, &error));
    options.progress = count_steps;
    options.progress_context = &steps;
    other->refused = SCTLR_EL1;
    SUCCEEDS(vcpusnap_restore(original, target, &options, &report, &error));
    CHECK(steps > 0 && !vcpusnap_report_is_complete(report) && vcpusnap_report_loss_count(report) == 1);
    CHECK(!vcpusnap_report_is_undone(report) && !vcpusnap_report_counter(report, &counter));
    while (vcpusnap_report_next(report, &outcome)) {
        registers++;
        losses += outcome.is_loss != 0;
        if (outcome.id == TPIDR_EL1)
            CHECK(outcome.result == VCPUSNAP_RESTORED && !memcmp(outcome.wanted, outcome.found, 8));
        if (outcome.id != SCTLR_EL1)
            continue;
        CHECK(outcome.result == VCPUSNAP_REFUSED && outcome.os_error == EINVAL && outcome.is_loss);
        CHECK(!strcmp(outcome.name, "SCTLR_EL1") && outcome.value_size == 8 && outcome.unit == 0);
        while (vcpusnap_report_next_field(report, &field))
            fields += field.wanted != field.found && field.name[0];
    }
    CHECK(registers == unit->count + vm->count && losses == 1 && fields > 0);
    CHECK(strstr(vcpusnap_report_json(report), "\"complete\" : false"));
    CHECK(strstr(vcpusnap_report_json(report), "\"SCTLR_EL1\""));
    vcpusnap_report_destroy(report);

    /* A policy pardons it. */
    SUCCEEDS(vcpusnap_policy_create("force", &policy, &error));
    options.policy = policy;
    options.progress = NULL;
    SUCCEEDS(vcpusnap_restore(original, target, &options, &report, &error));
    CHECK(vcpusnap_report_is_complete(report) && vcpusnap_report_loss_count(report) == 0);
    while (vcpusnap_report_next(report, &outcome))
        CHECK((outcome.pardon_rule != NULL) == (outcome.id == SCTLR_EL1));
    vcpusnap_report_destroy(report);
    vcpusnap_policy_destroy(policy);
    SUCCEEDS(vcpusnap_policy_create("vpolicy 1\nignore SCTLR_EL1\n", &policy, &error));
    vcpusnap_policy_destroy(policy);
    FAILS(VCPUSNAP_ERROR_FORMAT, vcpusnap_policy_create("vpolicy 1\nnonsense\n", &policy, &error));
    CHECK(strstr(error.message, "2"));
    options.policy = NULL;

    /* A strict restore puts everything back. */
    write_register(other, VBAR_EL1, &zero, 8);
    options.strict = 1;
    SUCCEEDS(vcpusnap_restore(original, target, &options, &report, &error));
    CHECK(vcpusnap_report_is_undone(report) && !memcmp(other->values[place(other, VBAR_EL1)], &zero, 8));
    vcpusnap_report_destroy(report);
    options.strict = 0;
    other->refused = 0;

    options.progress = end_at_once;
    other->writes = 0;
    FAILS(VCPUSNAP_ERROR_CANCELED, vcpusnap_restore(original, target, &options, &report, &error));
    CHECK(other->writes == 0);
    options.progress = NULL;

    other->masked = SCTLR_EL1;
    other->absent = TPIDR_EL1;
    SUCCEEDS(vcpusnap_restore(original, target, &options, &report, &error));
    while (vcpusnap_report_next(report, &outcome)) {
        if (outcome.id == TPIDR_EL1)
            CHECK(outcome.result == VCPUSNAP_ABSENT && !outcome.found && outcome.reason);
        if (outcome.id == SCTLR_EL1)
            CHECK(outcome.result == VCPUSNAP_MASKED || outcome.result == VCPUSNAP_CHANGED);
    }
    vcpusnap_report_destroy(report);

    options.clock = (vcpusnap_clock)99;
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_restore(original, target, &options, &report, &error));
    options.clock = VCPUSNAP_CLOCK_STOP;
    options.size--;
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_restore(original, target, &options, &report, &error));
    vcpusnap_machine_destroy(target);

    /* Another number of vCPUs. */
    banks[1].index = 1;
    SUCCEEDS(vcpusnap_machine_create_from_banks(banks, 2, NULL, &target, &error));
    FAILS(VCPUSNAP_ERROR_MISMATCH, vcpusnap_restore(original, target, NULL, &report, &error));
    vcpusnap_machine_destroy(target);
    free_unit(other);
    free_unit(vm);
}

static void plans(void)
{
    vcpusnap_host *host;
    vcpusnap_report *report;
    vcpusnap_outcome outcome;
    int registers = 0;

    SUCCEEDS(vcpusnap_host_open("6.1-cortex-a57", &host, &error));
    CHECK(!strncmp(vcpusnap_host_text(host), "vhost 1\n", 8));
    SUCCEEDS(vcpusnap_plan(original, host, NULL, &report, &error));
    while (vcpusnap_report_next(report, &outcome))
        registers++;
    CHECK(registers > 0 && vcpusnap_report_loss_count(report) > 0 && !vcpusnap_report_is_complete(report));
    CHECK(strstr(vcpusnap_report_json(report), "\"verdict\" : \"no\""));
    vcpusnap_report_destroy(report);
    vcpusnap_host_destroy(host);
    FAILS(VCPUSNAP_ERROR_NOT_FOUND, vcpusnap_host_open("no such host", &host, &error));
    if (access("/dev/kvm", F_OK) < 0)
        FAILS(VCPUSNAP_ERROR_SYSTEM, vcpusnap_host_record(&host, &error));
}

/* ---- What cannot be meant ---- */

static void machines(void)
{
    vcpusnap_machine_options options = VCPUSNAP_MACHINE_OPTIONS_INIT;
    vcpusnap_vcpu vcpus[2] = { { -1, 0, 5, 0 }, { -1, 0, 5, 0 } };
    vcpusnap_bank banks[2] = { bank_of(unit, 0), bank_of(unit, 0) };
    vcpusnap_machine *made = NULL;

    options.vcpus = vcpus;
    options.vcpu_count = 1;
    FAILS(VCPUSNAP_ERROR_SYSTEM, vcpusnap_machine_create(&options, &made, &error));
    CHECK(error.os_error == EBADF && made == NULL);
    options.vm_fd = open("/dev/null", O_RDONLY);
    FAILS(VCPUSNAP_ERROR_SYSTEM, vcpusnap_machine_create(&options, &made, &error));
    CHECK(error.os_error == ENOTTY);
    close(options.vm_fd);
    options.gic = (vcpusnap_gic)6;
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_machine_create(&options, &made, &error));
    options.gic = VCPUSNAP_GIC_NONE;
    options.its_count = 1;
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_machine_create(&options, &made, &error));
    options.its_count = SIZE_MAX;
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_machine_create(&options, &made, &error));
    options.its_count = 0;
    options.vcpu_count = 2;
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_machine_create(&options, &made, &error));
    options.vcpu_count = SIZE_MAX;
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_machine_create(&options, &made, &error));
    options.vcpu_count = 1;
    options.vcpus = NULL;
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_machine_create(&options, &made, &error));
    options.size = 8;
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_machine_create(&options, &made, &error));
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_machine_create_from_banks(banks, 2, NULL, &made, &error));
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_machine_create_from_banks(banks, SIZE_MAX, NULL, &made, &error));
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_machine_create_from_banks(banks, 0, NULL, &made, &error));
    banks[0].read = NULL;
    FAILS(VCPUSNAP_ERROR_ARGUMENT, vcpusnap_machine_create_from_banks(banks, 1, NULL, &made, &error));
    CHECK(made == NULL);
}

static void nothing(void)
{
    vcpusnap_snapshot *snapshot = NULL;
    vcpusnap_policy *policy;
    vcpusnap_report *report;
    vcpusnap_host *host;
    vcpusnap_capture *capture;
    vcpusnap_difference *difference;
    vcpusnap_machine *made;
    uint64_t id;
    size_t size;
    const void *bytes;

#define REFUSES(call) FAILS(VCPUSNAP_ERROR_ARGUMENT, call)
    REFUSES(vcpusnap_machine_create(NULL, &made, &error));
    REFUSES(vcpusnap_machine_create_from_banks(NULL, 1, NULL, &made, &error));
    REFUSES(vcpusnap_machine_save_tables(NULL, &error));
    REFUSES(vcpusnap_save(NULL, &snapshot, &error));
    REFUSES(vcpusnap_save(machine, NULL, &error));
    REFUSES(vcpusnap_prepare(NULL, &capture, &error));
    REFUSES(vcpusnap_capture_read(NULL, &error));
    REFUSES(vcpusnap_capture_finish(NULL, &snapshot, &error));
    REFUSES(vcpusnap_snapshot_write_file(NULL, "x", &error));
    REFUSES(vcpusnap_snapshot_write_file(original, NULL, &error));
    REFUSES(vcpusnap_snapshot_write_fd(NULL, 1, &error));
    REFUSES(vcpusnap_snapshot_encode(NULL, &bytes, &size, &error));
    REFUSES(vcpusnap_snapshot_encode(original, NULL, &size, &error));
    REFUSES(vcpusnap_snapshot_encode(original, &bytes, NULL, &error));
    REFUSES(vcpusnap_snapshot_read_file(NULL, &snapshot, &error));
    REFUSES(vcpusnap_snapshot_read_file("x", NULL, &error));
    REFUSES(vcpusnap_snapshot_read_fd(0, NULL, &error));
    REFUSES(vcpusnap_snapshot_decode(NULL, 1, &snapshot, &error));
    REFUSES(vcpusnap_snapshot_decode("x", SIZE_MAX, &snapshot, &error));
    REFUSES(vcpusnap_snapshot_get(NULL, 0, 1, &id, 8, NULL, &error));
    REFUSES(vcpusnap_snapshot_set(NULL, 0, 1, &id, 8, &error));
    REFUSES(vcpusnap_snapshot_set(original, 0, TPIDR_EL1, NULL, 8, &error));
    REFUSES(vcpusnap_snapshot_set(original, 0, TPIDR_EL1, &id, SIZE_MAX, &error));
    REFUSES(vcpusnap_snapshot_set_provenance(NULL, "a", "b", &error));
    REFUSES(vcpusnap_snapshot_set_provenance(original, NULL, "b", &error));
    REFUSES(vcpusnap_policy_create(NULL, &policy, &error));
    REFUSES(vcpusnap_policy_create("exact", NULL, &error));
    REFUSES(vcpusnap_restore(NULL, machine, NULL, &report, &error));
    REFUSES(vcpusnap_restore(original, NULL, NULL, &report, &error));
    REFUSES(vcpusnap_restore(original, machine, NULL, NULL, &error));
    REFUSES(vcpusnap_host_record(NULL, &error));
    REFUSES(vcpusnap_host_open(NULL, &host, &error));
    REFUSES(vcpusnap_plan(NULL, NULL, NULL, &report, &error));
    REFUSES(vcpusnap_plan(original, NULL, NULL, &report, &error));
    REFUSES(vcpusnap_compare(NULL, original, &difference, &error));
    REFUSES(vcpusnap_compare(original, NULL, &difference, &error));
    REFUSES(vcpusnap_register_find(NULL, &id, &error));
    REFUSES(vcpusnap_register_find("PC", NULL, &error));
    CHECK(snapshot == NULL);
    /* Who does not want to know is not told. */
    CHECK(vcpusnap_save(NULL, &snapshot, NULL) == VCPUSNAP_ERROR_ARGUMENT);

    CHECK(vcpusnap_snapshot_vcpu_count(NULL) == 0 && vcpusnap_snapshot_vcpu_index(NULL, 0) == -1);
    CHECK(vcpusnap_snapshot_register_count(NULL, 0) == 0 && vcpusnap_snapshot_register_id(NULL, 0, 0) == 0);
    CHECK(!vcpusnap_snapshot_get_provenance(NULL, "a") && !vcpusnap_snapshot_get_provenance(original, NULL));
    CHECK(!vcpusnap_report_is_complete(NULL) && !vcpusnap_report_loss_count(NULL) && !vcpusnap_report_json(NULL));
    CHECK(!vcpusnap_report_is_undone(NULL) && !vcpusnap_report_counter(NULL, NULL));
    CHECK(!vcpusnap_report_next(NULL, NULL) && !vcpusnap_report_next_field(NULL, NULL));
    CHECK(!vcpusnap_host_text(NULL) && !vcpusnap_difference_is_same(NULL) && !vcpusnap_difference_next(NULL, NULL));
    CHECK(vcpusnap_register_describe(SCTLR_EL1, NULL, 8, NULL, 0) == 0);
    vcpusnap_machine_destroy(NULL);
    vcpusnap_capture_destroy(NULL);
    vcpusnap_snapshot_destroy(NULL);
    vcpusnap_policy_destroy(NULL);
    vcpusnap_report_destroy(NULL);
    vcpusnap_host_destroy(NULL);
    vcpusnap_difference_destroy(NULL);
}

int main(int count, char *arguments[])
{
    struct unit *vm;
    vcpusnap_bank banks[2];
    char version[32];

    if (count < 3)
        return 2;
    snprintf(version, sizeof version, "%d.%d.%d", VCPUSNAP_VERSION_MAJOR, VCPUSNAP_VERSION_MINOR,
             VCPUSNAP_VERSION_PATCH);
    CHECK(!strcmp(vcpusnap_version(), version));
    SUCCEEDS(vcpusnap_snapshot_read_file(arguments[1], &original, &error));
    unit = unit_of(original, 0);
    vm = unit_of(original, VCPUSNAP_VM);
    banks[0] = bank_of(unit, 0);
    banks[1] = bank_of(vm, 0);
    SUCCEEDS(vcpusnap_machine_create_from_banks(banks, 1, vm->count ? &banks[1] : NULL, &machine, &error));

    captures(count > 3 ? atol(arguments[3]) : 100);
    files(arguments[2]);
    registers();
    restores();
    plans();
    machines();
    nothing();

    vcpusnap_machine_destroy(machine);
    vcpusnap_snapshot_destroy(original);
    free_unit(unit);
    free_unit(vm);
    printf("%d failures\n", failures);
    return failures != 0;
}
