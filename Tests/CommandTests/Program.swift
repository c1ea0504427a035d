import Foundation
import TestFiles
import Testing

/// One run of the vcpusnap program that was built along with these tests.
struct Run {
    var status: Int32
    var output: Data
    var errors: String

    var text: String { String(decoding: output, as: UTF8.self) }

    /// The JSON object on standard output, without its version.
    func json() throws -> [String: Any] {
        var object = try #require(
            try JSONSerialization.jsonObject(with: output) as? [String: Any])
        #expect(object.removeValue(forKey: "jsonVersion") as? Int == 1)
        return object
    }
}

enum Program {
    /// The program lies beside the test bundle.
    static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("vcpusnap").path

    /// The folder of this project.
    static let project = ProjectFolder.url

    /// Runs a script of the shell in a folder, with vcpusnap on its path.
    static func shell(_ script: String, in folder: TemporaryFolder) throws -> Run {
        try run(
            [folder.path],
            program: [
                "/bin/sh", "-c", "cd \"$1\"; PATH=\"${0%/*}:/usr/bin:/bin\"; \(script)", path,
            ])
    }

    @discardableResult
    static func run(
        _ arguments: String..., input: Data = Data(), standardOutput: String? = nil
    ) throws -> Run {
        try run(arguments, input: input, standardOutput: standardOutput)
    }

    /// Runs it to its end, with an empty environment.
    /// - Parameter program: the command, vcpusnap or something that runs it, before the arguments.
    static func run(
        _ arguments: [String], input: Data = Data(), standardOutput: String? = nil,
        program: [String] = [path]
    ) throws -> Run {
        let folder = try TemporaryFolder()
        let (out, err) = (try folder.make("out", ""), try folder.make("err", ""))
        let process = Process()
        let words = program + arguments
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        process.environment = [:]
        process.standardInput = FileHandle(
            forReadingAtPath: try folder.make("in", input))
        process.standardOutput = FileHandle(
            forWritingAtPath: standardOutput ?? out)
        process.standardError = FileHandle(forWritingAtPath: err)
        try process.start()
        process.waitUntilExit()
        return Run(
            status: process.terminationReason == .exit ? process.terminationStatus : -1,
            output: try folder.data("out"), errors: try folder.text("err"))
    }
}

/// Expects trouble: exit code 2, nothing on standard output, one message with all these words.
func expectTrouble(_ run: Run, _ words: String..., location: SourceLocation = #_sourceLocation) {
    #expect(run.status == 2, "\(run.errors)", sourceLocation: location)
    #expect(run.output.isEmpty, sourceLocation: location)
    for word in words {
        #expect(run.errors.contains(word), "\(run.errors)", sourceLocation: location)
    }
}
