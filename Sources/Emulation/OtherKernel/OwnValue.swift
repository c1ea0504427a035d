internal import Registers
internal import VCPUModel

/// What is known of the value that a CPU has in some bits of a register, whatever KVM shows of it.
struct OwnValue: Hashable {
    /// The least and the most that it can be.
    private(set) var range: ClosedRange<UInt64>
    /// What CPUs of the type mostly have.
    private(set) var usual: UInt64?

    /// Nothing is known.
    init(_ bits: ShownBits) { self.init(0...bits.mask >> UInt64(bits.lsb)) }

    private init(_ range: ClosedRange<UInt64>, usual: UInt64? = nil) {
        self.range = range
        self.usual = usual
    }

    /// Takes in what a recording tells, unless it contradicts what is known.
    mutating func learn(_ other: OwnValue) {
        guard range.overlaps(other.range) else { return }
        range = range.clamped(to: other.range)
    }

    /// What a guest is shown of it at most.
    func capped(at most: UInt64) -> OwnValue {
        OwnValue(
            min(range.lowerBound, most)...min(range.upperBound, most),
            usual: usual.map { min($0, most) })
    }

    /// The value that is taken: the usual one, else the least that it can be, so that a capped field stays at its cap and
    /// a hidden one is 0.
    var taken: UInt64 { usual.flatMap { range.contains($0) ? $0 : nil } ?? range.lowerBound }
    var isKnown: Bool { range.lowerBound == range.upperBound }
}

extension OwnValue {
    /// What all recordings of a CPU, and what is known of its type, tell of bits.
    init(_ bits: ShownBits, _ recordings: [Recording]) {
        self.init(bits)
        for recording in recordings {
            if let told = OwnValue(bits, toldBy: recording) { learn(told) }
        }
        guard !isKnown, let cpu = recordings.first?.cpu else { return }
        if let known = bits.ownValue(of: cpu) { learn(OwnValue(known...known)) }
        usual = bits.usualValue(of: cpu)
    }

    /// What one recording tells; nil for nothing.
    private init?(_ bits: ShownBits, toldBy recording: Recording) {
        if let hidden = recording.hidden(bits) {
            self.init(hidden...hidden)
            return
        }
        guard let shown = recording.shown(bits) else { return nil }
        switch recording.rule(of: bits) {
        case .own: self.init(shown...shown)
        case .atMost(let most): self.init(shown, capped: most, in: bits)
        // PerfMon of a CPU without AArch32 is 0, and is not what is shown.
        case .pmuVersion where !recording.hasAArch32: self.init(0...0)
        case .pmuVersion: self.init(shown, capped: PMUVersion.newestOffered, in: bits)
        default: return nil
        }
    }

    private init(_ shown: UInt64, capped most: UInt64, in bits: ShownBits) {
        let widest = OwnValue(bits).range.upperBound
        self.init(shown...(shown < most ? shown : max(shown, widest)))
    }
}
