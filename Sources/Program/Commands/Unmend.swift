internal import ArgumentParser
internal import LinuxSystem
internal import Machines

/// `vcpusnap unmend FILE`.
struct Unmend: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Restore the bytes a file had before mend --in-place.",
        discussion: """
            FILE.undo, which mend wrote, says what they were. This also works after an
            interrupted mend or unmend, and removes FILE.undo at the end.

            EXAMPLES
              vcpusnap unmend vm.save
            """)

    @Argument(help: "The file.", completion: .file())
    var file: String

    func run() throws {
        let name = PrintableText(FileName.shown(file))
        let isChanged = try UndoableChange(file, .commandLine).undo()
        let result: PrintableText =
            isChanged ? "\(name) is as it was" : "\(name) was as it was already"
        do throws(FileError) {
            try StandardOutput.write("unmend: \(result)\n")
        } catch {
            throw CommandError("\(error); \(result.string) all the same")
        }
    }
}
