/*
 * vcpusnap.h: the state of arm64 KVM guests, saved, restored, planned and compared.
 *
 * A guest's state is a list of registers: pairs of a KVM register id and a value. vcpusnap reads all of
 * them, keeps them in a small checked file, writes them into another VM in the order that KVM needs, reads
 * every one of them back, and says what became of each.
 *
 * A VMM saves its guest, whose vCPUs it has stopped, and restores it, with descriptors that it has open:
 *
 *     vcpusnap_error error = VCPUSNAP_ERROR_INIT;
 *     vcpusnap_vcpu vcpu = { .fd = vcpu_fd, .target = init.target, .features = init.features[0] };
 *     vcpusnap_machine_options options = VCPUSNAP_MACHINE_OPTIONS_INIT;
 *     options.vm_fd = vm_fd;
 *     options.vcpus = &vcpu;
 *     options.vcpu_count = 1;
 *
 *     vcpusnap_machine *machine = NULL;
 *     vcpusnap_snapshot *snapshot = NULL;
 *     if (vcpusnap_machine_create(&options, &machine, &error) != VCPUSNAP_OK ||
 *         vcpusnap_save(machine, &snapshot, &error) != VCPUSNAP_OK ||
 *         vcpusnap_snapshot_write_file(snapshot, "guest.vcpusnap", &error) != VCPUSNAP_OK)
 *         fprintf(stderr, "%s\n", error.message);
 *     vcpusnap_snapshot_destroy(snapshot);
 *     vcpusnap_machine_destroy(machine);
 *
 * Rules for all functions:
 *
 * Errors.    A function that can fail returns a vcpusnap_status, and says in words why in the vcpusnap_error
 *            that the caller owns and may leave out (NULL). It then has changed nothing and made nothing,
 *            unless its description says otherwise. That a register could not be restored is no error: it is
 *            what a report is for. Arguments that cannot be meant (NULL where an object is needed, an options
 *            struct of an unknown size) are VCPUSNAP_ERROR_ARGUMENT, and never a crash. errno is left as it
 *            was found.
 * Ownership. What a function makes (the last argument but one) belongs to the caller until the function of
 *            the same type whose name ends with _destroy takes it; these accept NULL. Strings and values that
 *            a function returns belong to the object that was asked, and live until it is destroyed or, where
 *            that is said, changed or asked again. Descriptors stay the caller's, who keeps them open as long
 *            as the object that was made of them lives; none is ever closed here.
 * Options.   Structs of options begin with their size, which says what the caller knows of them, so that they
 *            can grow: initialize them with the macro of their name that ends with _INIT.
 * Threads.   Nothing is shared between objects that were not made of each other: different threads may use
 *            different ones. One object is for one thread at a time, and so are a machine and what was made
 *            of it. There are no globals, no locks and no threads of the library's own.
 * Memory.    Where memory runs out the process is ended, as by any Swift code; what is read from files is held
 *            to limits first.
 * Text.      All strings are UTF-8 and end with a zero byte. Text from files can hold any character but that:
 *            print it with care.
 *
 * What is declared here stays as it is within a major version: functions, constants and members at the end
 * of structs are added, never changed.
 */
#ifndef VCPUSNAP_H
#define VCPUSNAP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ------------------------------------------------------------------------------------------ */

/* The version that a program was compiled with. */
#define VCPUSNAP_VERSION_MAJOR 0
#define VCPUSNAP_VERSION_MINOR 2
#define VCPUSNAP_VERSION_PATCH 0

/* The version that it runs with: "0.2.0". It is never freed. */
const char *vcpusnap_version(void);

/* ---- Errors ------------------------------------------------------------------------------------------- */

/* Why a function did not do what it was asked for. */
typedef enum vcpusnap_status {
    VCPUSNAP_OK = 0,
    /* An argument cannot be meant. */
    VCPUSNAP_ERROR_ARGUMENT = 1,
    /* The system refused a call: os_error has its errno. */
    VCPUSNAP_ERROR_SYSTEM = 2,
    /* A file or a text is not what it should be, is damaged, or is of a version that is not known here. */
    VCPUSNAP_ERROR_FORMAT = 3,
    /* There is no register, vCPU or host of that name. */
    VCPUSNAP_ERROR_NOT_FOUND = 4,
    /* A register could not be read: register_id and os_error say which and why. */
    VCPUSNAP_ERROR_REGISTER = 5,
    /* The machine is not what the snapshot needs: another number of vCPUs, say. */
    VCPUSNAP_ERROR_MISMATCH = 6,
    /* The caller's function for progress asked for an end. */
    VCPUSNAP_ERROR_CANCELED = 7
} vcpusnap_status;

/* What a function says of its failure; left alone by one that does not fail. */
typedef struct vcpusnap_error {
    vcpusnap_status status;
    /* The errno of the call that failed; 0 where none did. */
    int32_t os_error;
    /* The register that it is about; 0 where it is about none. */
    uint64_t register_id;
    /* What was expected, what was found and what to do next; a text that is too long is cut. */
    char message[496];
} vcpusnap_error;

#define VCPUSNAP_ERROR_INIT { VCPUSNAP_OK, 0, 0, { 0 } }

/* ---- Machines ----------------------------------------------------------------------------------------- */

/* A VM whose registers are read and written. Its vCPUs must not run, nor any thread of the VMM be in a call
 * for one of them, nor any interrupt be raised, while a function is at work on it. */
typedef struct vcpusnap_machine vcpusnap_machine;

/* A vCPU of KVM, as its VMM made it. */
typedef struct vcpusnap_vcpu {
    /* What KVM_CREATE_VCPU returned. */
    int32_t fd;
    /* The argument of KVM_CREATE_VCPU. */
    uint32_t index;
    /* target and features[0] of the struct kvm_vcpu_init that KVM_ARM_VCPU_INIT took: KVM does not tell. */
    uint32_t target;
    uint32_t features;
} vcpusnap_vcpu;

/* The type of an interrupt controller: KVM's KVM_DEV_TYPE_ARM_VGIC_V2 and _V3. */
typedef enum vcpusnap_gic {
    VCPUSNAP_GIC_NONE = 0,
    VCPUSNAP_GIC_V2 = 5,
    VCPUSNAP_GIC_V3 = 7
} vcpusnap_gic;

/* State that KVM does not let anyone read, as a set: what is not ruled out is noted in a snapshot as unknown. */
typedef enum vcpusnap_ruled_out {
    VCPUSNAP_NO_COUNTER_OFFSET = 1,  /* KVM_ARM_SET_COUNTER_OFFSET was not called */
    VCPUSNAP_NO_SMCCC_FILTER = 2,    /* KVM_ARM_VM_SMCCC_FILTER was not set */
    VCPUSNAP_NO_PMU_FILTER = 4,      /* KVM_ARM_VCPU_PMU_V3_FILTER was not set */
    VCPUSNAP_NO_PMU_CHOICE = 8,      /* KVM_ARM_VCPU_PMU_V3_SET_PMU was not called */
    VCPUSNAP_NO_CAPABILITY = 16      /* KVM_ENABLE_CAP was not called */
} vcpusnap_ruled_out;

/* What a machine is made of. */
typedef struct vcpusnap_machine_options {
    size_t size;
    /* What KVM_CREATE_VM returned. */
    int32_t vm_fd;
    /* The interrupt controller's type and what KVM_CREATE_DEVICE returned for it, which is initialized;
     * VCPUSNAP_GIC_NONE for a VM whose interrupt controller is the VMM's own. */
    vcpusnap_gic gic;
    int32_t gic_fd;
    /* All vCPUs of the VM, in ascending order of their index. */
    const vcpusnap_vcpu *vcpus;
    size_t vcpu_count;
    /* The descriptors of its ITSs, in the order in which they were made. */
    const int32_t *its_fds;
    size_t its_count;
    /* VCPUSNAP_NO_...: what the VMM knows that it did not do. */
    uint32_t ruled_out;
} vcpusnap_machine_options;

#define VCPUSNAP_MACHINE_OPTIONS_INIT \
    { sizeof(vcpusnap_machine_options), -1, VCPUSNAP_GIC_NONE, -1, NULL, 0, NULL, 0, 0 }

/* Makes a machine of the descriptors of a VMM. Their vCPUs are initialized.
 *
 * VCPUSNAP_ERROR_SYSTEM with EBADF for what is no open descriptor, ENOTTY for what is none of KVM's, ENOEXEC
 * for a vCPU that is not initialized. */
vcpusnap_status vcpusnap_machine_create(const vcpusnap_machine_options *options,
                                        vcpusnap_machine **machine, vcpusnap_error *error);

/* A place where registers live, for any hypervisor or transport: a unit of a VM that answers by functions.
 *
 * Each returns 0 or an errno as KVM would: ENOENT for a register that is not there, EINVAL for a value that
 * is refused. They are called on the caller's thread, with context as given here. Ids are those of KVM
 * (linux/kvm.h), and those of state outside its list (Formats/registers). */
typedef struct vcpusnap_bank {
    void *context;
    /* The argument of KVM_CREATE_VCPU; of no meaning for the VM's own. */
    uint32_t index;
    /* Writes up to capacity ids and tells how many there are, which may be more. */
    int (*list)(void *context, uint64_t *ids, size_t capacity, size_t *count);
    /* Reads size bytes, which is the register's size, little-endian. */
    int (*read)(void *context, uint64_t id, void *value, size_t size);
    int (*write)(void *context, uint64_t id, const void *value, size_t size);
} vcpusnap_bank;

/* Makes a machine of banks: of its vCPUs, in ascending order of their index, and of what the VM has once,
 * or NULL. The functions and what they need live as long as the machine. */
vcpusnap_status vcpusnap_machine_create_from_banks(const vcpusnap_bank *vcpus, size_t vcpu_count,
                                                   const vcpusnap_bank *vm,
                                                   vcpusnap_machine **machine, vcpusnap_error *error);

/* Has KVM write the pending bits of LPIs and the tables of ITSs to the guest's memory, which the VMM saves
 * after it. Call it before a snapshot is taken. */
vcpusnap_status vcpusnap_machine_save_tables(vcpusnap_machine *machine, vcpusnap_error *error);

void vcpusnap_machine_destroy(vcpusnap_machine *machine);

/* ---- Snapshots ---------------------------------------------------------------------------------------- */

/* The state of a VM and its vCPUs, in memory. It holds secrets of the guest, such as its pointer
 * authentication keys. */
typedef struct vcpusnap_snapshot vcpusnap_snapshot;

/* Reads all registers of a machine.
 *
 * VCPUSNAP_ERROR_REGISTER for one that is listed and cannot be read: what is saved is complete or nothing. */
vcpusnap_status vcpusnap_save(vcpusnap_machine *machine, vcpusnap_snapshot **snapshot,
                              vcpusnap_error *error);

/* The same in three steps, so that the guest need not stand still for all of it. */
typedef struct vcpusnap_capture vcpusnap_capture;

/* Before the guest is stopped for good (its vCPUs must not run during this call, either, but may between the two):
 * finds what there is to be read, reads it once, and takes the memory for it. */
vcpusnap_status vcpusnap_prepare(vcpusnap_machine *machine, vcpusnap_capture **capture,
                                 vcpusnap_error *error);

/* While the guest stands still: reads all registers into that memory and takes no other. It can be called
 * again; the last values count.
 *
 * VCPUSNAP_ERROR_REGISTER as for vcpusnap_save. Which registers there are is what vcpusnap_prepare found:
 * prepare anew after KVM_ARM_VCPU_INIT, KVM_ARM_VCPU_FINALIZE or a write of an ID register. */
vcpusnap_status vcpusnap_capture_read(vcpusnap_capture *capture, vcpusnap_error *error);

/* When the guest may run again: makes a snapshot of what was read. */
vcpusnap_status vcpusnap_capture_finish(vcpusnap_capture *capture, vcpusnap_snapshot **snapshot,
                                        vcpusnap_error *error);

void vcpusnap_capture_destroy(vcpusnap_capture *capture);

/* Writes a snapshot's file (Formats/vcpusnap-v1.md): whole or not at all, readable by its owner alone. A
 * file of that name is replaced. */
vcpusnap_status vcpusnap_snapshot_write_file(const vcpusnap_snapshot *snapshot, const char *path,
                                             vcpusnap_error *error);

/* Writes the same bytes to a descriptor, which can be a pipe or a socket. */
vcpusnap_status vcpusnap_snapshot_write_fd(const vcpusnap_snapshot *snapshot, int fd,
                                           vcpusnap_error *error);

/* The same bytes in memory, which belong to the snapshot until it is changed or destroyed. */
vcpusnap_status vcpusnap_snapshot_encode(vcpusnap_snapshot *snapshot, const void **bytes, size_t *size,
                                         vcpusnap_error *error);

/* Reads a snapshot and checks all of it: header, every chunk, every value, the digest. A file can be any that
 * the command line shows: a snapshot, or a QEMU stream, for which gzip and the like are run where it is compressed. */
vcpusnap_status vcpusnap_snapshot_read_file(const char *path, vcpusnap_snapshot **snapshot,
                                            vcpusnap_error *error);

/* Reads a snapshot from a descriptor up to its end. */
vcpusnap_status vcpusnap_snapshot_read_fd(int fd, vcpusnap_snapshot **snapshot, vcpusnap_error *error);

/* Reads a snapshot from memory, which is not needed afterward. */
vcpusnap_status vcpusnap_snapshot_decode(const void *bytes, size_t size, vcpusnap_snapshot **snapshot,
                                         vcpusnap_error *error);

void vcpusnap_snapshot_destroy(vcpusnap_snapshot *snapshot);

/* ---- The registers of a snapshot ---------------------------------------------------------------------- */

/* The VM itself, where a function is to be told whose registers are meant by a vCPU's number. */
#define VCPUSNAP_VM (-1)

/* How many vCPUs it has, and the number of the one at a position, from 0 on; -1 for a position that it does
 * not have. */
size_t vcpusnap_snapshot_vcpu_count(const vcpusnap_snapshot *snapshot);
int64_t vcpusnap_snapshot_vcpu_index(const vcpusnap_snapshot *snapshot, size_t position);

/* How many registers a vCPU, or VCPUSNAP_VM, has; 0 for one that the snapshot does not have. */
size_t vcpusnap_snapshot_register_count(const vcpusnap_snapshot *snapshot, int64_t unit);

/* The id of a unit's register at a position, in ascending order; 0 for a position that it does not have. */
uint64_t vcpusnap_snapshot_register_id(const vcpusnap_snapshot *snapshot, int64_t unit, size_t position);

/* Reads a register: size is the room for its bytes, which are little-endian, and length how many it has,
 * at most VCPUSNAP_VALUE_MAX; a value that finds no room is not written.
 *
 * VCPUSNAP_ERROR_NOT_FOUND for a register or unit that the snapshot does not have. */
vcpusnap_status vcpusnap_snapshot_get(const vcpusnap_snapshot *snapshot, int64_t unit, uint64_t id,
                                      void *value, size_t size, size_t *length, vcpusnap_error *error);

/* Replaces the value of a register, or adds a register; size is the one that its id says. */
vcpusnap_status vcpusnap_snapshot_set(vcpusnap_snapshot *snapshot, int64_t unit, uint64_t id,
                                      const void *value, size_t size, vcpusnap_error *error);

/* No register has more bytes. */
#define VCPUSNAP_VALUE_MAX 256

/* What the file says of where the state comes from, by key: "kernel", "tool", "time", ... (Formats/
 * vcpusnap-v1.md, section 5); NULL where it says nothing. It lives until the key is set. */
const char *vcpusnap_snapshot_get_provenance(const vcpusnap_snapshot *snapshot, const char *key);

/* Sets it; NULL takes it away. Key and value are single lines. */
vcpusnap_status vcpusnap_snapshot_set_provenance(vcpusnap_snapshot *snapshot, const char *key,
                                                 const char *value, vcpusnap_error *error);

/* ---- Policies ----------------------------------------------------------------------------------------- */

/* Which losses a restore or a plan may have, and what is written in place of what was saved. NULL in options
 * is "exact": every loss counts. */
typedef struct vcpusnap_policy vcpusnap_policy;

/* Makes a policy of a preset's name ("exact", "safe" for what a guest provably cannot see, "force"), or of
 * the text of a policy's file (Formats/policy-v1.md).
 *
 * VCPUSNAP_ERROR_FORMAT with the line that is wrong. */
vcpusnap_status vcpusnap_policy_create(const char *preset_or_text, vcpusnap_policy **policy,
                                       vcpusnap_error *error);

void vcpusnap_policy_destroy(vcpusnap_policy *policy);

/* ---- Restoring ---------------------------------------------------------------------------------------- */

/* What became of every register, in a restore or in a plan of one. */
typedef struct vcpusnap_report vcpusnap_report;

/* What becomes of the guest's clock. */
typedef enum vcpusnap_clock {
    VCPUSNAP_CLOCK_STOP = 0,  /* the guest goes on where it was stopped */
    VCPUSNAP_CLOCK_WALL = 1,  /* its counters advance by the time that passed */
    VCPUSNAP_CLOCK_HOST = 2,  /* its counters are left to the host */
    VCPUSNAP_CLOCK_COUNT = 3  /* CNTVCT_EL0 is clock_count */
} vcpusnap_clock;

/* How a restore is done. */
typedef struct vcpusnap_restore_options {
    size_t size;
    const vcpusnap_policy *policy;
    /* Not 0: on a loss that counts, what was written is put back. */
    int32_t strict;
    vcpusnap_clock clock;
    uint64_t clock_count;
    /* Not 0: the guest's memory is there again, so KVM reads the tables of ITSs and the pending bits of LPIs
     * from it when their registers are restored. Else what tells of them is left out. */
    int32_t has_tables;
    /* Called before each unit is worked on, with how many are done of how many; one that returns anything but
     * 0 ends the restore with VCPUSNAP_ERROR_CANCELED. What was written then stays written. NULL for none. */
    int (*progress)(void *context, size_t done, size_t total);
    void *progress_context;
} vcpusnap_restore_options;

#define VCPUSNAP_RESTORE_OPTIONS_INIT \
    { sizeof(vcpusnap_restore_options), NULL, 0, VCPUSNAP_CLOCK_STOP, 0, 0, NULL, NULL }

/* Writes a snapshot into a machine with as many vCPUs, whose guest has never run, and reads every register
 * back. Losses do not end it: the report has every register, and vcpusnap_report_is_complete says whether
 * the guest may run.
 *
 * options can be NULL. VCPUSNAP_ERROR_MISMATCH for another number of vCPUs; VCPUSNAP_ERROR_SYSTEM with EBUSY
 * while one runs, or where KVM could not read the tables: all else is restored then, but there is no report. */
vcpusnap_status vcpusnap_restore(const vcpusnap_snapshot *snapshot, vcpusnap_machine *machine,
                                 const vcpusnap_restore_options *options, vcpusnap_report **report,
                                 vcpusnap_error *error);

/* ---- Reports ------------------------------------------------------------------------------------------ */

/* What became of a register. */
typedef enum vcpusnap_result {
    VCPUSNAP_RESTORED = 0,         /* written, and reads back as written */
    VCPUSNAP_ALREADY_EQUAL = 1,    /* held the value, was not written, still holds it */
    VCPUSNAP_MASKED = 2,           /* the write was accepted and part of it took: a loss */
    VCPUSNAP_CHANGED = 3,          /* the write was accepted, and it holds something else: a loss */
    VCPUSNAP_REFUSED = 4,          /* the write was refused: a loss */
    VCPUSNAP_ABSENT = 5,           /* there is no such register: a loss */
    VCPUSNAP_NOT_IN_SNAPSHOT = 6,  /* only the destination has it; it keeps its value */
    VCPUSNAP_MISSING = 7,          /* the same of one that no vCPU can do without: a loss */
    VCPUSNAP_VOLATILE = 8,         /* moves by itself; its value was written */
    VCPUSNAP_SKIPPED = 9           /* left out on purpose: reason says why */
} vcpusnap_result;

/* The account of one register. Its pointers live until the report is asked for the next one or destroyed. */
typedef struct vcpusnap_outcome {
    /* The vCPU's number, or VCPUSNAP_VM. */
    int64_t unit;
    uint64_t id;
    /* "SCTLR_EL1". */
    const char *name;
    vcpusnap_result result;
    /* The errno of a refusal; else 0. */
    int32_t os_error;
    /* Not 0: state of the guest is lost, and the policy does not pardon it. */
    int32_t is_loss;
    /* What was to be restored and what the register holds now, value_size bytes each, little-endian; NULL
     * where there is none. */
    const void *wanted;
    const void *found;
    size_t value_size;
    /* Why, in words; NULL where the result says it all. */
    const char *reason;
    /* The rule of the policy that pardons the loss, and the proof that the guest cannot see it, in words;
     * NULL where there is none. */
    const char *pardon_rule;
    const char *pardon_proof;
} vcpusnap_outcome;

/* Not 0: nothing was lost but what the policy pardons. */
int vcpusnap_report_is_complete(const vcpusnap_report *report);

/* How many registers were lost that the policy does not pardon; one that several vCPUs lost counts once. */
size_t vcpusnap_report_loss_count(const vcpusnap_report *report);

/* Not 0: a strict restore lost something, and wrote back what the registers held before. */
int vcpusnap_report_is_undone(const vcpusnap_report *report);

/* Counters that run at another frequency than the guest's, so that its clock goes wrong. */
typedef struct vcpusnap_counter_difference {
    /* CNTFRQ_EL0 in Hz. */
    uint64_t guest;
    uint64_t host;
    /* Not 0: the policy does not pardon it, and the report is not complete. */
    int32_t is_loss;
} vcpusnap_counter_difference;

/* 1 where they differ, as far as both are known; else 0. */
int vcpusnap_report_counter(const vcpusnap_report *report, vcpusnap_counter_difference *difference);

/* The next register, by unit and ascending id: 1, or 0 after the last, and the next call begins anew. */
int vcpusnap_report_next(vcpusnap_report *report, vcpusnap_outcome *outcome);

/* The fields in which what was wanted and what was found differ, of the register that
 * vcpusnap_report_next gave last. */
typedef struct vcpusnap_field_difference {
    const char *name;
    uint64_t wanted;
    uint64_t found;
} vcpusnap_field_difference;

/* The next such field: 1, or 0 after the last. Its name lives as long as the register's. */
int vcpusnap_report_next_field(vcpusnap_report *report, vcpusnap_field_difference *difference);

/* The whole report as JSON (Formats/json-output.md, "restore" or "plan"), without the names of source and
 * target, and with the guest's pointer authentication keys hidden. It lives as long as the report. */
const char *vcpusnap_report_json(vcpusnap_report *report);

void vcpusnap_report_destroy(vcpusnap_report *report);

/* ---- Hosts and plans ---------------------------------------------------------------------------------- */

/* What is known of a host's KVM: which registers vCPUs have there, and what it does to writes of them. */
typedef struct vcpusnap_host vcpusnap_host;

/* Records this machine's, by trying it out on VMs of its own.
 *
 * VCPUSNAP_ERROR_ARGUMENT in a thread that may run on cores of several kinds, each of which has a profile. */
vcpusnap_status vcpusnap_host_record(vcpusnap_host **host, vcpusnap_error *error);

/* Reads a profile's file (Formats/vhost-v1.md), or takes a built-in one by its name: "6.12-neoverse-n1". */
vcpusnap_status vcpusnap_host_open(const char *path_or_name, vcpusnap_host **host, vcpusnap_error *error);

/* The text of the profile's file. It lives as long as the host. */
const char *vcpusnap_host_text(vcpusnap_host *host);

void vcpusnap_host_destroy(vcpusnap_host *host);

/* Says what a restore on a host will do, without that host: the same report that the restore will give.
 * policy can be NULL. */
vcpusnap_status vcpusnap_plan(const vcpusnap_snapshot *snapshot, const vcpusnap_host *host,
                              const vcpusnap_policy *policy, vcpusnap_report **report,
                              vcpusnap_error *error);

/* ---- Differences -------------------------------------------------------------------------------------- */

/* In what two snapshots differ. */
typedef struct vcpusnap_difference vcpusnap_difference;

/* Compares them. */
vcpusnap_status vcpusnap_compare(const vcpusnap_snapshot *left, const vcpusnap_snapshot *right,
                                 vcpusnap_difference **difference, vcpusnap_error *error);

/* Not 0: they are the same but for what moves by itself. */
int vcpusnap_difference_is_same(const vcpusnap_difference *difference);

/* A register that is not the same on both sides. */
typedef struct vcpusnap_register_difference {
    int64_t unit;
    uint64_t id;
    const char *name;
    /* NULL on the side that does not have it. */
    const void *left;
    const void *right;
    size_t value_size;
    /* Not 0: only bits that move by themselves differ. */
    int32_t is_volatile;
} vcpusnap_register_difference;

/* The next register, by unit and ascending id: 1, or 0 after the last, and the next call begins anew. Its
 * pointers live until then. */
int vcpusnap_difference_next(vcpusnap_difference *difference, vcpusnap_register_difference *entry);

void vcpusnap_difference_destroy(vcpusnap_difference *difference);

/* ---- Registers ---------------------------------------------------------------------------------------- */

/* The size in bytes that an id says; 0 for one that cannot be an id. */
size_t vcpusnap_register_size(uint64_t id);

/* Writes a register's name, "SCTLR_EL1", or for one without a name a generic form; at most size bytes with
 * the zero at the end. Returns the length of the whole name without it, as snprintf does. */
size_t vcpusnap_register_name(uint64_t id, char *name, size_t size);

/* Finds the id of a register by its name or by any other spelling that `vcpusnap register` takes:
 * "sctlr_el1", "3,0,1,0,0", "0x603000000013c080".
 *
 * VCPUSNAP_ERROR_NOT_FOUND for one that is not known. */
vcpusnap_status vcpusnap_register_find(const char *name, uint64_t *id, vcpusnap_error *error);

/* Writes in words what a value means, a line for each field, "CM 1 the cache is on"; at most size bytes with
 * the zero at the end. Returns the length of the whole text, 0 where nothing is known of the register's
 * fields. */
size_t vcpusnap_register_describe(uint64_t id, const void *value, size_t value_size, char *text,
                                  size_t size);

#ifdef __cplusplus
}
#endif

#endif
