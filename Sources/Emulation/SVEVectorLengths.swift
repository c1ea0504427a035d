internal import VCPUModel

/// The value of `KVM_REG_ARM64_SVE_VLS`: a set of vector lengths, bit n for 16·(n+1) bytes.
struct SVEVectorLengths: Hashable, Sendable {
    private let bytes: [UInt8]

    init(_ value: RegisterValue) {
        bytes = value.littleEndianBytes
    }

    /// In bytes, ascending.
    var lengths: [Int] {
        (0..<bytes.count * 8).filter(contains).map { ($0 + 1) * 16 }
    }

    /// In bytes; 0 for the empty set.
    var longest: Int { lengths.last ?? 0 }

    /// Whether these are all the lengths of `host` up to the longest of them, and at least one: KVM
    /// cannot hide a single length from a guest (`set_sve_vls`, `arch/arm64/kvm/guest.c`).
    func isPrefix(of host: SVEVectorLengths) -> Bool {
        longest > 0 && lengths == host.lengths.filter { $0 <= longest }
    }

    private func contains(_ bit: Int) -> Bool {
        bytes[bit / 8] >> UInt8(bit % 8) & 1 != 0
    }
}
