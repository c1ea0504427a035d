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

    /// The stable name, as in JSON.
    public var name: String {
        switch self {
        case .otherCPU: "other-cpu"
        case .otherErrata: "other-errata"
        }
    }

    /// What it means, in words for a report.
    public var text: String {
        switch self {
        case .otherCPU(let guest, let host, isKept: true):
            "the guest saw MIDR_EL1 of \(guest), and goes on seeing it on \(host): programs that choose code by "
                + "it (\(Self.programs)) still choose it for the former, and \(Self.end)"
        case .otherCPU(let guest, let host, isKept: false):
            "the guest saw MIDR_EL1 of \(guest), and will see that of \(host): programs that choose code by it "
                + "(\(Self.programs)) keep what they chose until they start again, and \(Self.end)"
        case .otherErrata(let guest, let host, isTold: true):
            "the guest's kernel works around the errata of \(guest) and of what its VMM told it of, among which "
                + "\(host) must be"
        case .otherErrata(let guest, let host, isTold: false):
            "the guest's kernel works around the errata of \(guest), and not around those of \(host) (vcpusnap "
                + "baseline --implementations)"
        }
    }

    private static let programs = "OpenSSL, OpenBLAS, glibc, compilers by LLVM"
    private static let end = "end with SIGILL where they do not ask for each feature besides"
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
