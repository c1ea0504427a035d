internal import Emulation
internal import QEMUStream
internal import Registers

/// Which subsections of a "cpu" section end a load (`vmstate_subsection_load`, `migration/vmstate.c`).
struct RefusedSubsections {
    let version: QEMUVersion
    /// Whether a CPU takes the timer of WFET and WFIT.
    ///
    /// Before 11.0 only one with FEAT_WFxT has it (`wfxt_timer`, `target/arm/cpu.c`), and QEMU ends with an assertion where
    /// it is given to another.
    let takesTimer: Bool

    static let timer = "cpu/wfxt-timer"

    /// What no QEMU with KVM takes: it makes that timer for its own emulation alone.
    static func timer(in section: CPUSection) -> [Subsection] {
        section.allSubsections.filter { $0.name == timer }
    }

    /// - Parameter list: of the destination, where QEMU emulates the CPU.
    init(by version: QEMUVersion, of list: [TCGModel.Register]) {
        self.init(by: version, features: list.first { $0.id == .idAA64ISAR2EL1 }?.value)
    }

    /// For a destination of which nothing is known but that it has the guest's CPU.
    init(by version: QEMUVersion, for section: CPUSection) {
        let features = section.entries.first { $0.id == .idAA64ISAR2EL1 }?.value
        self.init(by: version, features: features)
    }

    private init(by version: QEMUVersion, features: UInt64?) {
        self.version = version
        let hasTimer = RegisterField.IDAA64ISAR2EL1.wFxT.touches(features ?? 0)
        takesTimer = version >= QEMUVersion(11, 0) || hasTimer
    }

    /// All that end the load.
    func all(in section: CPUSection) -> [Subsection] {
        section.allSubsections.filter { !version.knows($0) || $0.name == Self.timer && !takesTimer }
    }
}
