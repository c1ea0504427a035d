package import QEMUStream
internal import Registers
internal import TextFormats

/// A QEMU release, as far as releases differ in what they do when they load a stream.
public struct QEMUVersion: Hashable, Comparable, Sendable {
    /// The 10 of 10.2.
    public let major: Int
    /// The 2 of 10.2.
    public let minor: Int

    /// A release by its first two numbers; the third does not matter to loads.
    public init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// From `10.0`, `10.0.2` or `v11.1.0-rc1`; nil for what does not start with two numbers.
    public init?(parsing text: some StringProtocol) {
        let numbers = text.drop { $0 == "v" }.split(separator: ".")
        guard numbers.count >= 2, let major = Self.number(numbers[0]),
            let minor = Self.number(numbers[1])
        else { return nil }
        self.init(major, minor)
    }

    private static func number(_ text: some StringProtocol) -> Int? {
        let digits = text.prefix(while: \.isDigit)
        return digits.count <= 4 ? Int(digits) : nil
    }

    /// Whether the left one is older.
    public static func < (left: QEMUVersion, right: QEMUVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}

extension QEMUVersion: CustomStringConvertible {
    /// The version as QEMU writes it, without the patch level: `10.0`.
    public var description: String { "\(major).\(minor)" }
}

extension QEMUVersion {
    /// The first with the wire format of Formats/qemu-stream.md.
    public static let oldest = QEMUVersion(7, 2)

    /// The newest whose loads are known.
    public static let newest = QEMUVersion(11, 1)

    /// One version for each way of loading a stream, oldest first.
    public static let kinds = [
        oldest, QEMUVersion(10, 2), QEMUVersion(11, 0), newest,
    ]

    /// The same, with those at which a subsection of these sections came or went.
    package static func kinds(loading sections: [CPUSection]) -> [QEMUVersion] {
        let names = Set(sections.flatMap(\.allSubsections).map(\.name))
        return Set(kinds + names.flatMap { subsections[$0] ?? [] }).sorted()
    }

    /// Those of them that know all subsections of these sections; the newest where none does.
    static func kinds(knowing sections: [CPUSection]) -> [QEMUVersion] {
        let knowing = kinds(loading: sections).filter { version in
            sections.allSatisfy { version.unknownSubsection(in: $0) == nil }
        }
        return knowing.isEmpty ? [newest] : knowing
    }

    /// The name of the first subsection that it does not have.
    func unknownSubsection(in section: CPUSection) -> String? {
        section.allSubsections.first { !knows($0) }?.name
    }

    /// Whether it has such a subsection.
    func knows(_ subsection: Subsection) -> Bool {
        let dates = Self.subsections[subsection.name] ?? []
        return dates.filter { self >= $0 }.count == 1
    }

    /// The first version that knows a subsection of a name; nil where all that are known here do, or none.
    static func first(knowing name: String) -> QEMUVersion? {
        subsections[name]?.first.flatMap { $0 == oldest ? nil : $0 }
    }

    /// The versions from which on, and before which, there are subsections of these names.
    private static let subsections = [
        "cpu/vfp": [oldest], "cpu/sve": [oldest], "cpu/sme": [oldest], "cpu/serror": [oldest],
        "cpu/irq-line-state": [oldest], "cpu/thumb2ee": [oldest], "cpu/pmsav7": [oldest],
        "cpu/pmsav7-rnr": [oldest], "cpu/pmsav8": [oldest], "cpu/m-security": [oldest],
        "cpu/iwmmxt": [oldest, QEMUVersion(10, 2)], "cpu/vfp/fpcr_fpsr": [QEMUVersion(9, 1)],
        "cpu/wfxt-timer": [QEMUVersion(9, 1)], "cpu/zt0": [QEMUVersion(10, 1)],
        "cpu/syndrome64": [QEMUVersion(10, 2)], "cpu/pstate64": [QEMUVersion(10, 2)],
        "cpu/event": [QEMUVersion(11, 0)], "cpu/fpmr": [newest],
    ]

    /// It ends when registers cannot be put after a load (`cpu_synchronize_all_post_init`): 7.2 does not, 8.2 does.
    var endsWhereAPutFails: Bool { self >= QEMUVersion(8, 0) }

    /// Errors are passed up and name the register KVM refused (`write_list_to_kvmstate`).
    var namesRefusedRegisters: Bool { self >= QEMUVersion(10, 2) }

    /// Both lists are compared to their ends, whatever their lengths (`cpu_post_load`).
    package var comparesWholeLists: Bool { self >= QEMUVersion(11, 0) }

    /// What stands before the encoding of a system register in messages.
    var systemRegisterPrefix: String { self >= QEMUVersion(11, 0) ? "system register " : "" }

    /// The list of an emulated CPU has whatever its memory held where the stream has no value.
    ///
    /// It is allocated and not set in all versions; before 11.0 it was seen to be zero.
    var leavesMemoryInLists: Bool { self >= QEMUVersion(11, 0) }

    /// Whatever went wrong in a device, it ends with EINVAL.
    var hidesErrorNumbers: Bool { self >= QEMUVersion(11, 1) }

    /// What loads a section (`migration/vmstate.c`).
    var loadingFunction: String { hidesErrorNumbers ? "vmstate_load_vmsd" : "vmstate_load_state" }

    /// Some differences are expected (`arm_register_cpreg_mig_tolerance`).
    var hasTolerances: Bool { self >= QEMUVersion(11, 1) }

    /// The register that the list of an emulated CPU may lack then: what 10.0 and 10.1 had in place of DBGDTRTX
    /// (Formats/qemu-stream.md, section 5.2).
    static let toleratedByEmulation = RegisterID(rawValue: 0x4020_0000_200e_0298)
}
