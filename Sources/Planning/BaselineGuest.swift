package import Emulation
package import Registers
internal import TextFormats
package import VCPUModel

/// A guest that a baseline is about.
package enum BaselineGuest {
    /// Why it is none.
    package enum Problem: Error {
        /// The host refuses some of the baseline's registers, each with the reason.
        case refused([(id: RegisterID, reason: String)])
        /// The guest runs, and holds other values in these registers.
        case others([RegisterID])

        /// A sentence with the next step.
        /// - Parameters:
        ///   - guest: what was named as the guest.
        ///   - baseline: the baseline's file.
        package func text(of guest: String, with baseline: String) -> String {
            switch self {
            case .refused(let registers):
                let lines = registers.map { "\($0.id.name) (\($0.reason))" }
                return
                    "no guest can be started on \(guest) with \(baseline), of which the host refuses "
                    + "\(lines.listed(atMost: 3)): compute a baseline that is for it, too"
            case .others(let ids):
                return "\(guest) was not started with \(baseline): it holds another value in "
                    + "\(ids.map(\.name).listed(atMost: 3)); leave out --baseline to plan it as it is"
            }
        }
    }

    /// The state of a guest which is started on a host with a baseline.
    /// - Throws: a `Problem`, or what making the vCPU there throws.
    package static func started(
        on profile: HostProfile, with baseline: BaselineTemplate
    ) throws -> Snapshot {
        let (guest, refusals) = try PlannedVM.freshGuest(on: profile, with: baseline)
        guard refusals.isEmpty else { throw Problem.refused(refusals) }
        return guest
    }

    /// Makes sure that a guest was started with a baseline, as far as its registers tell.
    /// - Throws: where it has other values.
    package static func check(
        _ guest: Snapshot, has baseline: BaselineTemplate
    ) throws(Problem) {
        let others = baseline.differences(from: guest)
        guard others.isEmpty else { throw .others(others) }
    }
}
