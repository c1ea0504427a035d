internal import Registers

/// A host, the kernel that it is to have, and what else is known of its CPU.
struct DerivationHosts {
    let source: Recording
    /// Those of the CPU, the host's own first.
    let recordings: [Recording]
    let kernel: KernelVersion

    func ownValue(of bits: ShownBits) -> OwnValue { OwnValue(bits, recordings) }

    /// Whether a kernel shows guests the CPU's own caches, of which this register describes one.
    func cachesAreOwn(on kernel: KernelVersion?, _ id: RegisterID) -> Bool {
        RegisterDictionary.entry(for: id)?.shownBits.allSatisfy { bits in
            bits.rule(onKernel: kernel, of: source.cpu, features: source.features) == .own
        } ?? false
    }
}
