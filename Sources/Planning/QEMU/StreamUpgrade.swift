internal import Emulation
package import QEMUStream
package import Transfer
package import VCPUModel

/// What QEMU makes of a stream when its host gets another kernel, and when it gets the old one again.
package struct StreamUpgrade: Sendable {
    /// The QEMU on both kernels.
    package let version: QEMUVersion
    /// Features of the host that the guest does not have; its vCPUs are made without them on each kernel.
    package let without: VCPUFeatures
    /// The moves of `KernelUpgrade`, in its order, as loads.
    package let loads: [(what: KernelUpgrade.Move, remedies: LoadRemedies)]

    /// Whether QEMU loads it each time.
    package var isPossible: Bool { loads.allSatisfy { $0.remedies.plan.verdict == .loads } }

    /// Plans all three loads.
    /// - Parameters:
    ///   - given: the QEMU on both kernels; nil for the one that the stream's machine type names.
    ///   - upgrade: what a restore of the same vCPUs does, by the same policy.
    /// - Throws: where the stream as one of the loads leaves it cannot be written.
    package init(
        of stream: QEMUStream, by given: QEMUVersion?, _ upgrade: KernelUpgrade,
        policy: RestorePolicy
    ) throws(StreamMend.Problem) {
        let version = given ?? QEMUVersion(of: stream)
        let without = stream.featuresToRemove(on: upgrade.old)
            .reduce(VCPUFeatures()) { $0.union($1) }
        func written(isLoaded: Bool) throws(StreamMend.Problem) -> QEMUStream {
            try stream.with(
                LoadPlan.sections(
                    of: stream, on: upgrade.new, isLoaded: isLoaded, by: version, without: without))
        }
        func load(
            _ stream: QEMUStream, _ move: MovePlan, on profile: HostProfile
        ) throws(StreamMend.Problem) -> LoadRemedies {
            try LoadRemedies(
                of: stream, move, on: profile, by: version, policy, without: without)
        }
        (self.version, self.without) = (version, without)
        loads = [
            (.up, try load(stream, upgrade.up, on: upgrade.new)),
            (.back, try load(try written(isLoaded: true), upgrade.back, on: upgrade.old)),
            (
                .freshBack,
                try load(try written(isLoaded: false), upgrade.freshBack, on: upgrade.old)
            ),
        ]
    }
}

extension QEMUVersion {
    /// The QEMU whose own machine type a stream has, as far as its loads are known; the newest for another type.
    package init(of stream: QEMUStream) {
        self = QEMUVersion(ofMachineOf: stream) ?? .newest
    }

    /// The QEMU whose own machine type a stream has, as far as its loads are known; nil for another type.
    package init?(ofMachineOf stream: QEMUStream) {
        guard let own = stream.machineType.flatMap({ QEMUVersion(ofMachine: $0) }) else {
            return nil
        }
        self = min(max(own, .oldest), .newest)
    }
}
