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
        let digits = text.prefix(while: \.isNumber)
        return digits.count <= 4 ? Int(digits) : nil
    }

    public static func < (left: QEMUVersion, right: QEMUVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}

extension QEMUVersion: CustomStringConvertible {
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

    /// Errors are passed up and name the register KVM refused (`write_list_to_kvmstate`).
    var namesRefusedRegisters: Bool { self >= QEMUVersion(10, 2) }

    /// Both lists are compared to their ends, whatever their lengths (`cpu_post_load`).
    var comparesWholeLists: Bool { self >= QEMUVersion(11, 0) }

    /// What stands before the encoding of a system register in messages.
    var systemRegisterPrefix: String { self >= QEMUVersion(11, 0) ? "system register " : "" }

    /// The list of an emulated CPU has whatever its memory held where the stream has no value.
    ///
    /// It is allocated and not set in all versions; before 11.0 it was seen to be zero.
    var leavesMemoryInLists: Bool { self >= QEMUVersion(11, 0) }

    /// Whatever went wrong in a device, it ends with EINVAL.
    var hidesErrorNumbers: Bool { self >= QEMUVersion(11, 1) }

    /// Some differences are expected (`arm_register_cpreg_mig_tolerance`).
    var hasTolerances: Bool { self >= QEMUVersion(11, 1) }
}
