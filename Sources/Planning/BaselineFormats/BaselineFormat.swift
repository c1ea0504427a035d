internal import Emulation
internal import Registers
internal import VCPUModel

/// What a baseline is written for.
public enum BaselineFormat: String, CaseIterable, Sendable {
    /// This program's own format (Formats/vbaseline-v1.md).
    case vcpusnap
    /// The option -cpu of QEMU with KVM.
    case qemu
    /// Elements of a libvirt domain.
    case libvirt
    /// A custom CPU template of Firecracker (Formats/cpu-template.md).
    case firecracker

    /// Features that vCPUs never have there: Firecracker has no interrupt for a PMU.
    var neverMade: VCPUFeatures { self == .firecracker ? .pmuV3 : [] }

    /// Features that go with what is to be written; nil for none.
    ///
    /// A vCPU whose ID registers show no PMU has none: since Linux 7.4 KVM hides its registers then. The lengths of vectors
    /// stand in a register that is too wide for a template.
    func excess(of features: VCPUFeatures, in registers: RegisterList) -> VCPUFeatures? {
        var excess: VCPUFeatures = []
        let version = registers.bits(of: RegisterField.IDAA64DFR0EL1.pmuVer, in: .idAA64DFR0EL1)
        if let version, [0, 0xf].contains(version) { excess.insert(.pmuV3) }
        if self == .firecracker, registers.contains(.sveVLS) { excess.insert(.sve) }
        excess.formIntersection(features)
        return excess.isEmpty ? nil : excess
    }
}

/// A baseline as it is written for what makes the vCPUs.
public struct BaselineDocument: Hashable, Sendable {
    /// The whole file.
    public let text: String
    /// What the baseline asks for and this cannot say, in sentences without an end; empty where it says everything.
    public let shortcomings: [String]
}

extension Baseline {
    /// The baseline in a format.
    /// - Parameters:
    ///   - qemu: the version that takes it.
    ///   - usesSeries: whether it is a QEMU with the properties `SYSREG_`, which no release has.
    public func document(
        _ format: BaselineFormat, qemu: QEMUVersion = .newest, usesSeries: Bool = false
    ) -> BaselineDocument {
        let options = QEMUOptions(self, for: qemu, usesSeries: usesSeries)
        return switch format {
        case .vcpusnap: BaselineDocument(text: file, shortcomings: [])
        case .qemu: BaselineDocument(text: options.text, shortcomings: options.shortcomings)
        case .libvirt:
            BaselineDocument(text: options.libvirtText, shortcomings: options.shortcomings)
        case .firecracker: BaselineDocument(text: template.file, shortcomings: [])
        }
    }

    /// Features that some of the hosts' vCPUs would have.
    var withheldFeatures: VCPUFeatures {
        VCPUFeatures(lostFeatures.compactMap { VCPUFeatures(named: $0.name) })
    }
}
