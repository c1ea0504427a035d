internal import Registers
internal import TextFormats
internal import VCPUModel

/// The interrupt controller of cloud-hypervisor: lists of words in a fixed order, and the registers of an ITS.
struct CloudHypervisorGIC {
    private let distributor: [UInt32]
    private let redistributors: [UInt32]
    private let interfaces: [UInt32]
    private let control: UInt32
    private let its: [(offset: UInt64, value: UInt64)]

    /// - Returns: nil where a list or a number is not there.
    init?(_ state: JSONValue) {
        func words(_ name: String) -> [UInt32]? {
            guard let array = state[name]?.array else { return nil }
            let numbers = array.compactMap(\.unsigned).compactMap { UInt32(exactly: $0) }
            return numbers.count == array.count ? numbers : nil
        }
        guard let distributor = words("dist"), let redistributors = words("rdist"),
            let interfaces = words("icc"),
            let control = state["gicd_ctlr"]?.unsigned.flatMap({ UInt32(exactly: $0) })
        else { return nil }
        (self.distributor, self.redistributors) = (distributor, redistributors)
        (self.interfaces, self.control) = (interfaces, control)
        let single = InterruptWords.offsetsOfITS.compactMap { name, offset in
            state["its_\(name)"]?.unsigned.map { (offset, $0) }
        }
        let bases = (state["its_baser"]?.array ?? []).prefix(8).enumerated().compactMap {
            index, value in
            value.unsigned.map { (InterruptWords.offset(ofITSTable: index), $0) }
        }
        its = single + bases
    }

    /// The distributor's registers in their order, STATUSR apart: where those of INTID 0 would be, and how many bits each
    /// interrupt has.
    private static let ofInterrupts: [(base: UInt64, bits: UInt64)] = [
        (0x180, 1), (0x100, 1), (0x80, 1), (0x6000, 64), (0xc00, 2), (0x280, 1), (0x200, 1),
        (0x380, 1), (0x300, 1), (0x400, 8),
    ]
    /// Words of 32 interrupts.
    private static let blockSize = Int(ofInterrupts.reduce(0) { $0 + $1.bits })

    /// The words of a redistributor: of all vCPUs first those of the first frame, then of all those of the second.
    private static let firstFrame: [UInt64] = [0x10, 0x14, 0x70, 0x74, 0x78, 0x7c, 0]
    private static let secondFrame: [UInt64] =
        [
            0x10080, 0x10180, 0x10100, 0x10c00, 0x10c04, 0x10280, 0x10200, 0x10380, 0x10300,
        ] + (0..<8).map { 0x10400 | $0 << 2 }

    /// ICC_SRE, CTLR, IGRPEN0, IGRPEN1, PMR, BPR0 and BPR1.
    private static let ofInterface: [UInt64] = [
        0xc665, 0xc664, 0xc666, 0xc667, 0xc230, 0xc643, 0xc663,
    ]
    /// ICC_AP0R0 and ICC_AP1R0, which others follow.
    private static let priorities: [UInt64] = [0xc644, 0xc648]

    /// Of 32 interrupts each; without the first, which are those of vCPUs.
    private var blockCount: Int { distributor.count / Self.blockSize }

    /// Whether the lists are those of so many vCPUs.
    func fits(_ vcpuCount: Int) -> Bool {
        vcpuCount < Self.mostVCPUs && 1..<32 ~= blockCount
            && distributor.count == blockCount * Self.blockSize + 1
            && redistributors.count == vcpuCount * (Self.firstFrame.count + Self.secondFrame.count)
            && encodings(of: vcpuCount) != nil
    }

    /// Where cloud-hypervisor puts the distributor, in the memory of every guest; what follows is below it.
    private static let distributorAddress: UInt64 = 0x08ff_0000
    /// Of a redistributor, and of the ITS.
    private static let partSize: UInt64 = 0x2_0000

    /// For whose parts there is room below the distributor.
    private static let mostVCPUs = Int(distributorAddress / partSize)

    /// - Precondition: it fits them.
    func words(of vcpuCount: Int) -> InterruptWords {
        var result = InterruptWords(.v3, vcpuCount: vcpuCount)
        result.add([(0, control)] + distributorWords, of: .distributor)
        let split = vcpuCount * Self.firstFrame.count
        for vcpu in 0..<vcpuCount {
            let first = redistributors.dropFirst(vcpu * Self.firstFrame.count)
            let second = redistributors.dropFirst(split + vcpu * Self.secondFrame.count)
            let words = Array(zip(Self.firstFrame, first)) + Array(zip(Self.secondFrame, second))
            result.add(words.map { ($0.0, $0.1) }, of: .redistributor, vcpu: vcpu)
        }
        for (word, place) in zip(interfaces, encodings(of: vcpuCount) ?? []) {
            result.add(UInt64(word), ofSystemRegister: place.encoding, vcpu: place.vcpu)
        }
        for (offset, value) in its { result.add(value, ofITSAt: offset) }
        result.setInterruptCount()
        let redistributors = Self.distributorAddress - UInt64(vcpuCount) * Self.partSize
        result.set(address: Self.distributorAddress, of: .gicAddressDist)
        result.set(address: redistributors, of: .gicAddressRedist)
        result.set(address: redistributors - Self.partSize, of: .address(ofITS: 0))
        return result
    }

    /// Behind STATUSR, which has no register here.
    private var distributorWords: [(offset: UInt64, word: UInt32)] {
        var words: [(offset: UInt64, word: UInt32)] = []
        var rest = distributor.dropFirst()
        for (base, bits) in Self.ofInterrupts {
            let count = blockCount * Int(bits)
            for (place, word) in zip(0..<UInt64(count), rest) {
                words.append((base + bits << 2 + place << 2, word))
            }
            rest = rest.dropFirst(count)
        }
        return words
    }

    /// What each number of the CPU interfaces is: how many registers of priorities there are follows from ICC_CTLR.
    /// - Returns: nil where there are other numbers of them.
    private func encodings(of vcpuCount: Int) -> [(vcpu: Int, encoding: UInt64)]? {
        var result: [(vcpu: Int, encoding: UInt64)] = []
        for vcpu in 0..<vcpuCount {
            // ICC_CTLR_EL1 is the second.
            guard result.count + 1 < interfaces.count else { return nil }
            let bits = interfaces[result.count + 1] >> 8 & 7
            let count: UInt64 = bits < 5 ? 1 : bits == 6 ? 4 : 2
            let own =
                Self.ofInterface
                + Self.priorities.flatMap { first in (0..<count).map { first + $0 } }
            result += own.map { (vcpu, $0) }
        }
        return result.count == interfaces.count ? result : nil
    }
}
