package import VCPUModel

/// The value of `KVM_REG_ARM64_SVE_VLS`: a set of vector lengths, bit n for 16·(n+1) bytes.
package struct SVEVectorLengths: Hashable, Sendable {
    fileprivate let bytes: [UInt8]

    package init(_ value: RegisterValue) {
        bytes = value.littleEndianBytes
    }

    /// In bytes, ascending.
    package var lengths: [Int] {
        (0..<bytes.count * 8).filter(contains).map { ($0 + 1) * 16 }
    }

    /// In bytes; 0 for the empty set.
    package var longest: Int { lengths.last ?? 0 }

    /// Whether these are all the lengths of `host` up to the longest of them, and at least one: KVM
    /// cannot hide a single length from a guest (`set_sve_vls`, `arch/arm64/kvm/guest.c`).
    func isPrefix(of host: SVEVectorLengths) -> Bool {
        longest > 0 && lengths == host.lengths.filter { $0 <= longest }
    }

    fileprivate func contains(_ bit: Int) -> Bool {
        bytes[bit / 8] >> UInt8(bit % 8) & 1 != 0
    }
}

extension SVEVectorLengths {
    /// The set as KVM takes it.
    package var value: RegisterValue { RegisterValue(littleEndian: bytes) ?? RegisterValue(0) }

    /// Every length up to the longest that all sets have, for KVM takes no set with a gap; nil where that is none.
    package static func common(of sets: [SVEVectorLengths]) -> SVEVectorLengths? {
        guard let size = sets.map(\.bytes.count).min(), size > 0 else { return nil }
        var common = [UInt8](repeating: 0, count: size)
        for bit in 0..<size * 8 {
            let offered = sets.count(where: { $0.contains(bit) })
            guard offered == 0 || offered == sets.count else { break }
            if offered > 0 { common[bit / 8] |= 1 << UInt8(bit % 8) }
        }
        return RegisterValue(littleEndian: common).flatMap {
            $0.isZero ? nil : SVEVectorLengths($0)
        }
    }
}
