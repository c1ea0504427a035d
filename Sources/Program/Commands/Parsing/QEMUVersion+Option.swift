internal import Planning
internal import QEMUStream

extension QEMUVersion {
    /// From the command line.
    init(option text: String, of option: String = "--qemu") throws {
        guard let version = QEMUVersion(parsing: text) else {
            throw CommandError("\(option) takes a version such as 10.0, not \(text)")
        }
        guard version >= .oldest else {
            throw CommandError(
                "\(option) \(text): the oldest version known here is \(QEMUVersion.oldest)")
        }
        if version > .newest {
            StandardError.write(
                "vcpusnap: QEMU \(version) is newer than any known here: "
                    + "this is what QEMU \(QEMUVersion.newest) does\n")
        }
        self = min(version, .newest)
    }
}
