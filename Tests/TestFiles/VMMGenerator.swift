import Foundation

/// A program of Tests/VMM, which makes files as a VMM does and says what is in them.
public enum VMMGenerator: String, CaseIterable, Sendable {
    case libkrun = "libkrun.py"
    case cloudHypervisor = "cloud-hypervisor.py"
    case crosvm = "crosvm.py"
    /// Prints a stream of QEMU, as a program of QEMU does; its path comes first.
    case analyzed = "analyzed.py"

    /// A register that was put into a file.
    public struct Register: Hashable, Sendable {
        /// The number of a vCPU, or `vm`.
        public let unit: String
        /// As KVM has it, or one of this project's own.
        public let id: UInt64
        /// Hexadecimal, with `0x`.
        public let value: String

        /// What was put into a file, or read from it.
        public init(unit: String, id: UInt64, value: String) {
            self.unit = unit
            self.id = id
            self.value = value
        }
    }

    /// Makes a file, or the folder of a snapshot.
    /// - Parameter arguments: how many vCPUs, the host profile that they are made from, the variant.
    @discardableResult
    public func make(_ path: String, _ arguments: String...) throws -> [Register] {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["python3", ProjectFolder.file("Tests/VMM/\(rawValue)").path, path] + arguments
        process.standardOutput = output
        try process.run()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw CocoaError(.executableLoad, userInfo: ["program": rawValue])
        }
        return text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 3, let id = UInt64(words[1].dropFirst(2), radix: 16) else {
                return nil
            }
            return Register(unit: words[0], id: id, value: words[2])
        }
    }
}
