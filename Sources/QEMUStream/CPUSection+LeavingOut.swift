internal import LinuxSystem

// MARK: - Subsections that a destination does not know

extension CPUSection {
    /// The fields of a subsection, without those inside it.
    public func bytes(of subsection: Subsection) -> [UInt8] { Array(body[subsection.fields]) }

    /// Takes a subsection out, if a QEMU that does not know it has without it what the section has with it
    /// (Formats/qemu-stream.md, section 2.2).
    /// - Returns: false where only the subsection can hold its value, or nothing is known of it.
    package mutating func leaveOut(_ subsection: Subsection) -> Bool {
        guard holdsDefault(subsection) else { return false }
        if subsection.name == Self.statusAndControl, let parent = self.subsection("cpu/vfp") {
            let bits = number(at: subsection.fields.lowerBound, 8) | status(of: subsection)
            set(bits, at: parent.fields.upperBound - 4, 4)
        }
        let range = subsection.whole
        body.removeSubrange(range)
        subsections = subsections.compactMap { $0.without(range) }
        return true
    }

    private func holdsDefault(_ subsection: Subsection) -> Bool {
        let fields = subsection.fields
        switch subsection.name {
        // A timer that is not armed ends at -1.
        case "cpu/wfxt-timer": return bytes(of: subsection).allSatisfy { $0 == 0xff }
        case "cpu/zt0", "cpu/event", "cpu/fpmr", "cpu/iwmmxt":
            return bytes(of: subsection).allSatisfy { $0 == 0 }
        case "cpu/syndrome64":
            return number(at: fields.lowerBound, 8) == number(at: tailOffset + Field.syndrome, 4)
        case "cpu/pstate64":
            return number(at: fields.lowerBound, 8) == number(at: Field.programState, 4)
        case Self.statusAndControl:
            return number(at: fields.lowerBound, 8) & ~QEMUVCPUBank.controlMask == 0
                && status(of: subsection) & ~QEMUVCPUBank.statusMask == 0
        default: return false
        }
    }

    private static let statusAndControl = "cpu/vfp/fpcr_fpsr"

    /// FPSR, behind FPCR.
    private func status(of subsection: Subsection) -> UInt64 {
        number(at: subsection.fields.lowerBound + 8, 8)
    }
}

extension Subsection {
    /// Its header, its fields and what is inside it.
    fileprivate var whole: Range<Int> {
        let header = 6 + name.utf8.count
        return fields.lowerBound - header..<(parts.last?.whole.upperBound ?? fields.upperBound)
    }

    /// The same in a body without these bytes, which are a whole subsection; nil for that one.
    fileprivate func without(_ range: Range<Int>) -> Subsection? {
        guard whole != range else { return nil }
        var result = self
        if fields.lowerBound >= range.upperBound {
            result.fields = fields.lowerBound - range.count..<fields.upperBound - range.count
        }
        result.parts = parts.compactMap { $0.without(range) }
        return result
    }
}
