internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// Everything that was read of a vCPU.
struct VCPUImage {
    /// Why there is nothing; nil when there is.
    var listErrno: Errno?
    /// In ascending order, with those outside KVM's list.
    var ids: [RegisterID]
    var values: [RegisterID: Result<RegisterValue, Errno>]

    static let none = VCPUImage(listErrno: .noProcess, ids: [], values: [:])
}

extension VCPUImage {
    init(_ raw: RawVCPUImage) {
        self.init(
            listErrno: raw.list.errno, ids: raw.ids.map(RegisterID.init(rawValue:)), values: [:])
        guard listErrno == nil else { return }
        var rest = raw.values[...]
        for (index, id) in ids.enumerated() {
            let words = rest.prefix(RawVCPUImage.words(of: id.rawValue))
            rest = rest.dropFirst(words.count)
            let wasRead = index < raw.results.count
            values[id] = Self.value(
                wasRead ? raw.results[index] : RawVCPUImage.Answer.notMade.result, words,
                size: id.size ?? 0)
        }
        addInitialization()
        add(.mpState, raw.mpState, raw.mpState.words[...])
        add(.vcpuEvents, raw.events, Self.state(ofEvents: raw.events.words[...]))
        ids.sort()
    }

    /// A kernel may not know the call; but what was not asked for is said to be missing.
    private mutating func add(
        _ id: RegisterID, _ answer: RawVCPUImage.Answer, _ words: ArraySlice<UInt64>
    ) {
        guard answer.errno == nil || answer.errno == .canceled, let size = id.size else { return }
        ids.append(id)
        values[id] = Self.value(answer.result, words, size: size)
    }

    /// What KVM needs to have been told for these registers to be there.
    private mutating func addInitialization() {
        var features = VCPUFeatures(shownBy: bits)
        if let version = bits(of: .psciVersion), version != Self.psci01 {
            features.insert(.psci02)
        }
        if ids.contains(.sveVLS) { features.insert(.sve) }
        ids.append(.vcpuInit)
        values[.vcpuInit] = .success(VCPUInit(features: features).value)
        guard let finalized = features.finalizedValue else { return }
        ids.append(.vcpuFinalized)
        values[.vcpuFinalized] = .success(finalized)
    }

    private func bits(of id: RegisterID) -> UInt64? {
        (try? values[id]?.get())?.lowBits
    }

    /// What `KVM_REG_ARM_PSCI_VERSION` is without PSCI 0.2 (`include/uapi/linux/psci.h`).
    private static let psci01: UInt64 = 1

    private static func value(
        _ result: Int64, _ words: ArraySlice<UInt64>, size: Int
    ) -> Result<RegisterValue, Errno> {
        if let errno = Errno(result: result) { return .failure(errno) }
        let bytes = words.flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
        }
        let value = RegisterValue(littleEndian: bytes.prefix(size))
        return value.map { .success($0) } ?? .failure(.invalidArgument)
    }

    /// Without a pending SError the kernel still says whether one could have a syndrome: no state.
    private static func state(ofEvents words: ArraySlice<UInt64>) -> ArraySlice<UInt64> {
        let isPending = (words.first ?? 0) & 0xff != 0
        return isPending ? words : [0, 0]
    }
}
