package import Emulation
public import Registers
package import VCPUModel

/// Something that a move does to a guest without a loss of any register, so that no verdict follows from it.
public enum MoveNotice: Hashable, Sendable {
    /// The guest saw a CPU of another type than the destination's.
    /// - Parameter isKept: whether it goes on seeing it there.
    case otherCPU(guest: CPUIdentity, host: CPUIdentity, isKept: Bool)
    /// The guest's kernel chose its workarounds of errata for another implementation than the destination's.
    /// - Parameter isTold: whether it was told of a list of implementations.
    case otherErrata(guest: Implementation, host: Implementation, isTold: Bool)

    /// The host has other kinds of cores, too, and the plan is of these CPUs of it alone.
    /// - Parameter takesGuest: whether the guest can go there.
    case someCPUs(String, cpu: CPUIdentity?, takesGuest: Bool)

    /// The stable name, as in JSON.
    public var name: String {
        switch self {
        case .someCPUs: "some-cpus"
        case .otherCPU: "other-cpu"
        case .otherErrata: "other-errata"
        }
    }

    /// What it means, in words for a report.
    public var text: String {
        switch self {
        case .someCPUs(let cpus, let cpu, takesGuest: true):
            "\(Self.kind(cpus, cpu)): keep all threads of the VMM there from its start (taskset -c \(cpus); libvirt: "
                + "<vcpu cpuset='\(cpus)'>, <emulatorpin cpuset='\(cpus)'/>, a <vcpupin> for each vCPU)"
        case .someCPUs(let cpus, let cpu, takesGuest: false):
            "\(Self.kind(cpus, cpu)), which cannot take the guest; its other kinds of cores have profiles of their own"
        case .otherCPU(let guest, let host, isKept: true):
            "the guest saw the MIDR_EL1 of \(guest) and keeps seeing it on \(host): programs that choose code paths "
                + "by it (\(Self.programs)) still choose those of the former, and \(Self.end)"
        case .otherCPU(let guest, let host, isKept: false):
            "the guest saw the MIDR_EL1 of \(guest) and will see that of \(host): programs that choose code paths by "
                + "it (\(Self.programs)) keep their choice until they are restarted, and \(Self.end)"
        case .otherErrata(let guest, let host, isTold: true):
            "the guest's kernel works around the errata of \(guest) and of the implementations that its VMM named, "
                + "which must include \(host)"
        case .otherErrata(let guest, let host, isTold: false):
            "the guest's kernel works around the errata of \(guest), but not those of \(host) (see vcpusnap "
                + "baseline --implementations)"
        }
    }

    private static func kind(_ cpus: String, _ cpu: CPUIdentity?) -> String {
        "the host has several kinds of cores, and this is of CPUs \(cpus)"
            + (cpu.map { " (\($0))" } ?? "")
    }

    private static let programs = "OpenSSL, OpenBLAS, glibc, LLVM's compilers"
    private static let end = "die with SIGILL where they do not also check for each feature"
}

extension Implementation: CustomStringConvertible {
    /// `ARM NEOVERSE_N1 r4p1`, with REVIDR_EL1 and AIDR_EL1 where they are not 0.
    public var description: String {
        [("REVIDR_EL1", revidr), ("AIDR_EL1", aidr)].reduce(into: cpu.description) {
            text, register in
            if register.1 != 0 { text += ", \(register.0) \(RegisterValue(register.1))" }
        }
    }
}

extension Snapshot {
    /// Whether its first vCPU saw another implementation than a host's, of which there are notices.
    package func isOfOtherImplementation(than profile: HostProfile) -> Bool {
        vcpus.first.map { MoveNotice.implementations(of: $0.registers, profile) != nil } ?? false
    }
}

extension MoveNotice {
    /// The guest's and the host's, where they differ.
    fileprivate static func implementations(
        of guest: RegisterList, _ profile: HostProfile
    ) -> (guest: Implementation, host: Implementation)? {
        guard let own = Implementation({ guest[$0]?.bits }), let host = profile.implementation,
            own != host
        else { return nil }
        return (own, host)
    }

    /// - Parameters:
    ///   - guest: a vCPU as it was saved.
    ///   - seen: MIDR_EL1 of the vCPU after the restore.
    static func all(
        of guest: RegisterList, on profile: HostProfile, seeing seen: RegisterValue?
    ) -> [MoveNotice] {
        guard let (own, host) = implementations(of: guest, profile) else { return [] }
        let told = guest[.vendorHypBmap2]?.lowBits ?? 0
        let errata = MoveNotice.otherErrata(
            guest: own, host: host, isTold: told & Implementation.discovery != 0)
        guard own.cpu.implementer != host.cpu.implementer || own.cpu.part != host.cpu.part else {
            return [errata]
        }
        let isKept = seen?.lowBits == own.midr
        return [.otherCPU(guest: own.cpu, host: host.cpu, isKept: isKept), errata]
    }
}
