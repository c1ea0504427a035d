/* How a VMM in C saves its guest and restores it, with one vCPU and a GICv3. */
#include <stdio.h>
#include <vcpusnap.h>

static vcpusnap_status open_machine(int vm_fd, const vcpusnap_vcpu *vcpu, int gic_fd,
                                    vcpusnap_machine **machine, vcpusnap_error *error)
{
    vcpusnap_machine_options options = VCPUSNAP_MACHINE_OPTIONS_INIT;

    options.vm_fd = vm_fd;
    options.vcpus = vcpu;
    options.vcpu_count = 1;
    options.gic = gic_fd < 0 ? VCPUSNAP_GIC_NONE : VCPUSNAP_GIC_V3;
    options.gic_fd = gic_fd;
    return vcpusnap_machine_create(&options, machine, error);
}

/* Saves a guest that stands still. */
int save_guest(int vm_fd, const vcpusnap_vcpu *vcpu, int gic_fd, const char *path)
{
    vcpusnap_error error = VCPUSNAP_ERROR_INIT;
    vcpusnap_machine *machine = NULL;
    vcpusnap_snapshot *snapshot = NULL;

    if (open_machine(vm_fd, vcpu, gic_fd, &machine, &error) != VCPUSNAP_OK ||
        vcpusnap_save(machine, &snapshot, &error) != VCPUSNAP_OK ||
        vcpusnap_snapshot_write_file(snapshot, path, &error) != VCPUSNAP_OK)
        fprintf(stderr, "save: %s\n", error.message);
    vcpusnap_snapshot_destroy(snapshot);
    vcpusnap_machine_destroy(machine);
    return error.status == VCPUSNAP_OK ? 0 : -1;
}

/* Restores it into a VM that was made in the same way and has not run. 0 if nothing is lost. */
int restore_guest(int vm_fd, const vcpusnap_vcpu *vcpu, int gic_fd, const char *path)
{
    vcpusnap_error error = VCPUSNAP_ERROR_INIT;
    vcpusnap_machine *machine = NULL;
    vcpusnap_snapshot *snapshot = NULL;
    vcpusnap_report *report = NULL;
    vcpusnap_outcome outcome;
    int complete = 0;

    if (vcpusnap_snapshot_read_file(path, &snapshot, &error) != VCPUSNAP_OK ||
        open_machine(vm_fd, vcpu, gic_fd, &machine, &error) != VCPUSNAP_OK ||
        vcpusnap_restore(snapshot, machine, NULL, &report, &error) != VCPUSNAP_OK)
        fprintf(stderr, "restore: %s\n", error.message);
    complete = vcpusnap_report_is_complete(report);
    while (!complete && vcpusnap_report_next(report, &outcome))
        if (outcome.is_loss)
            fprintf(stderr, "lost: %s: %s\n", outcome.name, outcome.reason ? outcome.reason : "");
    vcpusnap_report_destroy(report);
    vcpusnap_snapshot_destroy(snapshot);
    vcpusnap_machine_destroy(machine);
    return complete ? 0 : -1;
}
