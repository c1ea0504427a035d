import Foundation

/// The real QEMU streams of Tests/QEMUStreamTests/Streams, their RAM left out.
public enum StreamFixture: String, CaseIterable, Sendable, CustomStringConvertible {
    case kvmMax = "kvm-6.12-max"
    case kvmN1 = "kvm-6.12-neoverse-n1"
    /// Of `xen-save-devices-state`: no configuration, no description.
    case kvmDevices = "kvm-6.12-neoverse-n1-devices"
    case tcgA15 = "tcg-cortex-a15"
    case tcgMax = "tcg-max"

    /// Those with QEMU's description of themselves.
    public static let described = allCases.filter { $0 != .kvmDevices }

    /// The file's name.
    public var description: String { rawValue }

    /// Where it is in this checkout.
    public var path: String {
        ProjectFolder.file("Tests/QEMUStreamTests/Streams/\(rawValue).mig").path
    }

    /// All of it.
    public var bytes: [UInt8] {
        get throws { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }
    }
}
