/// AArch64 system registers: ID registers, control, debug, PMU, timers.
package enum SystemState: StateKind {
    package static func contains(_ id: RegisterID) -> Bool { encoding(of: id) != nil }

    private static func encoding(of id: RegisterID) -> RegisterID.SystemRegisterEncoding? {
        if case .system(let encoding) = id.group { encoding } else { nil }
    }

    // MARK: Names

    /// `S3_0_C11_C3_7`.
    package static func genericName(of id: RegisterID) -> String? {
        encoding(of: id).flatMap { RegisterID.system($0) == id ? $0.description : nil }
    }

    /// A generic name tells the architectural encoding, as it does in assembly.
    package static func id(named scanner: NameScanner) -> RegisterID? {
        var scanner = scanner
        guard let op0 = scanner.part("s"), let op1 = scanner.part("_"),
            let crn = scanner.part("_c"), let crm = scanner.part("_c"),
            let op2 = scanner.part("_"), scanner.isAtEnd,
            let encoding = RegisterID.SystemRegisterEncoding(
                op0: op0, op1: op1, crn: crn, crm: crm, op2: op2)
        else { return nil }
        return .system(architectural: encoding)
    }

    // MARK: What it is

    package static func category(of id: RegisterID) -> RegisterCategory {
        let entry = RegisterDictionary.entry(for: id)
        if entry?.isFeatureIDRegister == true || entry?.isImplementationID == true {
            return .identification
        }
        if entry?.isTimer == true || entry?.isCounter == true { return .timers }
        if entry?.isPMU == true { return .performance }
        if entry?.isSecret == true { return .keys }
        // Op0 2 is the space of debug and trace registers (Arm ARM D18.2).
        return encoding(of: id)?.op0 == 2 ? .debug : .system
    }

    package static func commonBits(of id: RegisterID) -> UInt64 {
        id == .pmcrEL0 ? PMUControl.countersMask : UnknownState.commonBits(of: id)
    }

    package static func reset(of id: RegisterID) -> ResetRule {
        .asSaved(but: id == .mpidrEL1 ? RegisterID.affinityMask : 0)
    }

    // MARK: Writing it

    package static func phase(of id: RegisterID) -> RestorePhase {
        guard let entry = RegisterDictionary.entry(for: id) else { return .system }
        if entry.isFeatureIDRegister || entry.isImplementationID { return .identification }
        if entry.isCounter { return id == .cntpctEL0 ? .physicalCounter : .counters }
        if entry.isTimer { return .timers }
        return id == .pmcrEL0 ? .pmuControl : .system
    }

    package static func constraint(of id: RegisterID) -> WriteConstraint {
        switch id {
        case .clidrEL1: .cacheLevels
        case .pmmirEL1: .pmuMachine
        default: .bits
        }
    }

    package static func explanation(of failure: AccessFailure, for id: RegisterID) -> String? {
        failure.explanation(
            refused: encoding(of: id)?.isFeatureID == true
                ? "the host's CPU has less than the value promises, or the kernel lets no one change it"
                : "the register is read-only on this host, or cannot hold this value")
    }

    // MARK: Hosts that differ

    package static func loss(of id: RegisterID, isAbsent: Bool) -> LossRule {
        if isAbsent { return .absence }
        guard let entry = RegisterDictionary.entry(for: id) else { return .cause(.other) }
        if entry.isFeatureIDRegister { return .cause(.claimsMore) }
        if [.clidrEL1, .ctrEL0].contains(id) { return .cause(.cacheGeometry) }
        if entry.isImplementationID { return .cause(.implementation) }
        return entry.isPMU ? .performanceMonitors : .cause(.other)
    }

    package static func baseline(of id: RegisterID) -> BaselineRule {
        switch id {
        case .ctrEL0: .idFields
        case .clidrEL1: .model
        case .pmcrEL0: .counters
        default:
            RegisterDictionary.entry(for: id)?.isFeatureIDRegister == true
                ? .idFields : .untouched
        }
    }
}

extension RegisterID.SystemRegisterEncoding {
    /// Whether this is in the space of the ID registers: op0 3, op1 0, CRn 0, CRm 1 to 7.
    fileprivate var isFeatureID: Bool {
        op0 == 3 && op1 == 0 && crn == 0 && 1...7 ~= crm
    }
}
