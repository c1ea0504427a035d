internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// What becomes of a guest's clock when it is restored (Formats/gic-and-clock.md, "The clock").
public enum ClockMode: Hashable, Sendable {
    /// The guest goes on where it stopped.
    case stop
    /// Its counters advance by the time that has passed since it was saved.
    case wall
    /// Its virtual count keeps its distance from the host's counter: for the same host, since its last boot.
    case host
    /// Its virtual count is this, and the physical count as far from it as it was.
    case count(UInt64)
}

extension ClockMode: CustomStringConvertible {
    /// Those that need no number.
    package static let namedModes: [ClockMode] = [.stop, .wall, .host]

    /// As it is typed: `stop`, or the count.
    public var description: String {
        switch self {
        case .stop: "stop"
        case .wall: "wall"
        case .host: "host"
        case .count(let count): "\(count)"
        }
    }

    /// What somebody typed; nil for what is no mode and no count of 64 bits.
    package init?(word: String) {
        if let mode = Self.namedModes.first(where: { $0.description == word }) {
            self = mode
            return
        }
        guard let count = RegisterValue(parsing: word, size: 8)?.bits else { return nil }
        self = .count(count)
    }
}

extension ClockMode {
    /// What a counter is to hold.
    /// - Parameters:
    ///   - id: a register of the clock, or a vCPU's counter.
    ///   - guest: the unit as it was saved.
    ///   - bank: where it is restored, for the time and the host's counter.
    /// - Throws: errno `EINVAL` where the mode gives it no value there, with the reason.
    func value(
        of id: RegisterID, saved: RegisterValue, in guest: RegisterList, on bank: any RegisterBank
    ) throws(RegisterBankError) -> RegisterValue {
        switch self {
        case .stop: return saved
        case .host where id != .clockCntvct: return try bank.read(id)
        case .host: return RegisterValue(try countOnHost(guest, bank))
        case .wall where id.isCountOfClock:
            return RegisterValue(saved.lowBits &+ (try elapsedTicks(of: id, guest, bank)))
        case .count(let count) where id.isCountOfClock:
            let distance = saved.lowBits &- (guest[.clockCntvct]?.lowBits ?? 0)
            return RegisterValue(count &+ distance)
        // The clock comes after the counters of vCPUs, which it sets, too.
        case .wall, .count: return saved
        }
    }

    private func countOnHost(
        _ guest: RegisterList, _ bank: any RegisterBank
    ) throws(RegisterBankError) -> UInt64 {
        guard let physical = guest[.clockCntpct]?.lowBits,
            let virtual = guest[.clockCntvct]?.lowBits
        else {
            throw refusal(.clockCntvct, "the snapshot does not say what the host's counter was")
        }
        return try bank.read(.clockCntpct).lowBits &- (physical &- virtual)
    }

    /// How far the counters have moved since the guest was saved.
    private func elapsedTicks(
        of id: RegisterID, _ guest: RegisterList, _ bank: any RegisterBank
    ) throws(RegisterBankError) -> UInt64 {
        guard let frequency = guest[.clockCntfrq]?.lowBits,
            let then = guest[.clockRealtime]?.lowBits
        else {
            throw refusal(id, "the snapshot does not say when it was taken")
        }
        guard try bank.read(.clockCntfrq).lowBits == frequency else {
            throw refusal(id, "the counters here have another frequency (CLOCK_CNTFRQ)")
        }
        let now = try bank.read(.clockRealtime).lowBits
        guard now >= then else {
            throw refusal(id, "the time here is before that of the snapshot (CLOCK_REALTIME)")
        }
        let ticks = (now - then).multipliedFullWidth(by: frequency)
        guard ticks.high < Self.nanosecondsPerSecond else {
            throw refusal(id, "more time has passed than the counters can hold")
        }
        return Self.nanosecondsPerSecond.dividingFullWidth(ticks).quotient
    }

    private static let nanosecondsPerSecond: UInt64 = 1_000_000_000

    private func refusal(_ id: RegisterID, _ reason: String) -> RegisterBankError {
        RegisterBankError(.write, id, .invalidArgument, explanation: reason)
    }
}

extension RegisterID {
    /// Whether it is one of the counts of the clock.
    fileprivate var isCountOfClock: Bool { self == .clockCntvct || self == .clockCntpct }

    /// Whether the mode of the clock decides what it is to hold.
    var isSetByClockMode: Bool {
        isCountOfClock || RegisterDictionary.entry(for: self)?.isCounter == true
    }
}
