extension StateKind {
    /// AArch64 system registers: ID registers, control, debug, PMU, timers.
    static func system(
        _ id: RegisterID, _ encoding: RegisterID.SystemRegisterEncoding
    ) -> StateKind {
        // Op0 2 is the space of debug and trace registers (Arm ARM D18.2).
        var kind = StateKind(category: encoding.op0 == 2 ? .debug : .system)
        kind.refusal =
            encoding.isFeatureID
            ? "the host's CPU has less than the value promises, or the kernel lets no one change it"
            : "the register is read-only on this host, or cannot hold this value"
        kind.add(RegisterDictionary.entry(for: id))
        if encoding.isOfInterruptController {
            kind.category = .interruptController
            kind.phase = .cpuInterface
            if id.isDeviceState {
                kind.loss = .cause(.interruptController)
                kind.lossWhenAbsent = kind.loss
            }
        }
        switch id {
        case .mpidrEL1: kind.reset = .asSaved(but: RegisterID.affinityMask)
        case .iccCTLREL1, .iccSREEL1: kind.phase = .cpuInterfaceControl
        case .pmmirEL1: kind.constraint = .pmuMachine
        case .ctrEL0:
            kind.loss = .cause(.cacheGeometry)
            kind.baseline = .idFields
        case .clidrEL1:
            kind.constraint = .cacheLevels
            kind.loss = .cause(.cacheGeometry)
            kind.baseline = .model
        case .pmcrEL0:
            kind.commonBits = PMUControl.countersMask
            kind.phase = .pmuControl
            kind.baseline = .counters
        default: break
        }
        return kind
    }

    /// What the dictionary says of a system register.
    mutating func add(_ entry: RegisterEntry?) {
        guard let entry else { return }
        if entry.isFeatureIDRegister || entry.isImplementationID {
            category = .identification
            commonBits = .max
            phase = .identification
            loss = .cause(entry.isFeatureIDRegister ? .claimsMore : .implementation)
            baseline = entry.isFeatureIDRegister ? .idFields : .implementation
        } else if entry.isCounter {
            category = .timers
            phase = entry.id == .cntpctEL0 ? .physicalCounter : .counters
        } else if entry.isTimer {
            category = .timers
            phase = .timers
        } else if entry.isPMU {
            category = .performance
            loss = .performanceMonitors
        } else if entry.isSecret {
            category = .keys
        }
        if entry.isVMWide, !entry.isCounter { commonBits = .max }
    }
}

extension NameScanner {
    /// `S3_0_C11_C3_7`, which tells the architectural encoding, as it does in assembly.
    consuming func systemRegister() -> RegisterID? {
        guard let op0 = part("s"), let op1 = part("_"), let crn = part("_c"),
            let crm = part("_c"), let op2 = part("_"), isAtEnd,
            let encoding = RegisterID.SystemRegisterEncoding(
                op0: op0, op1: op1, crn: crn, crm: crm, op2: op2)
        else { return nil }
        return .system(architectural: encoding)
    }
}

extension RegisterID.SystemRegisterEncoding {
    /// Whether this is in the space of the ID registers: op0 3, op1 0, CRn 0, CRm 1 to 7.
    package var isFeatureID: Bool {
        op0 == 3 && op1 == 0 && crn == 0 && 1...7 ~= crm
    }

    /// Whether this is a register of the GIC: ICC_PMR_EL1, or CRn 12, CRm 8 to 15.
    var isOfInterruptController: Bool {
        guard op0 == 3, op1 == 0 || op1 == 4 else { return false }
        return crn == 12 && crm >= 8 || op1 == 0 && crn == 4 && crm == 6 && op2 == 0
    }
}
