internal import Emulation
internal import Registers
internal import Transfer
internal import VCPUModel

/// Where a guest comes from, beyond what its snapshot tells, and why its destination has the kernel that it has.
struct MoveCourse: Sendable {
    /// The host on which the guest was started; nil where only the snapshot tells of it.
    var start: HostProfile?
    /// The kernel that the destination had until now and gives up for an older one.
    var givenUp: KernelVersion?
    /// What the guest's clock is to show there.
    var clock = ClockMode.stop
    /// Whether the guest was started long ago, on a kernel that is not up for choice.
    var isStarted = false
    /// The registers that it had otherwise when it was started, or not at all: an earlier move changed them.
    var changed: Set<RegisterID> = []
    /// The guest as it starts elsewhere, where other moves of it are planned, too.
    var starts: StartedGuests?
}

/// The hosts of a move, as the explanations of all its units ask about them.
final class MoveHosts: Sendable {
    let profile: HostProfile
    /// The profile's; that of each of thousands of losses would be read from its text again.
    let kernel: KernelVersion?
    /// The one that the guest was started with.
    let sourceKernel: KernelVersion?
    /// The one that the destination gives up for an older one.
    let givenUp: KernelVersion?
    /// The registers that an earlier move of the guest changed.
    let changed: Set<RegisterID>
    let newerKernels: NewerKernels
    /// Nil where a guest cannot be started afresh.
    let freshGuests: FreshGuests?

    init(
        of snapshot: Snapshot, to profile: HostProfile, policy: RestorePolicy, _ course: MoveCourse
    ) {
        self.profile = profile
        kernel = profile.kernel
        sourceKernel = course.start?.kernel ?? snapshot.provenance.kernelVersion
        givenUp = course.givenUp
        changed = course.changed
        let made = snapshot.vcpus.first?.registers[.vcpuInit].flatMap { VCPUInit($0) }
        newerKernels = NewerKernels(of: profile, making: made?.features, policy: policy)
        let starts = course.starts ?? StartedGuests(of: snapshot, on: course.start)
        freshGuests =
            course.isStarted ? nil : FreshGuests(starts, to: profile, policy: policy)
    }
}
