internal import QEMUStream
internal import Registers
internal import VCPUModel

/// What QEMU makes of the registers of a stream that the destination does not have, when it goes through both lists
/// (`cpu_post_load`, `target/arm/machine.c`).
struct ListWalk {
    let version: QEMUVersion
    /// The last id of the destination's list.
    let last: RegisterID?
    /// Which registers may be missing there; asked only where the version has tolerances.
    let isTolerated: (CPUSection.Entry) -> Bool

    /// - Parameter entries: those that the destination does not have, ascending.
    func loads(of entries: [CPUSection.Entry]) -> [RegisterLoad] {
        // Each answer takes the place of the one before it, so that QEMU goes on where the last of these registers is
        // one that it tolerates.
        let isForgiven = entries.last.map(isExpected) ?? false
        return entries.map { entry in
            let answer = answer(to: entry)
            return RegisterLoad(
                id: entry.id, outcome: .absent,
                answer: isForgiven && answer == .failure ? .silence : answer,
                incoming: entry.registerValue)
        }
    }

    private func answer(to entry: CPUSection.Entry) -> RegisterLoad.Answer {
        if isExpected(entry) { return .tolerance }
        if version.comparesWholeLists { return .failure }
        // The walk over both lists ends with the shorter one.
        return last.map { entry.id > $0 } ?? true ? .silence : .failure
    }

    private func isExpected(_ entry: CPUSection.Entry) -> Bool {
        version.hasTolerances && isTolerated(entry)
    }
}
