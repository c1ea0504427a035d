internal import ArgumentParser
internal import Attach

/// `vcpusnap list`.
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the processes on this host that have KVM VMs.",
        discussion: """
            They are found in /proc; nothing is attached to. Processes whose descriptors
            this user may not see are counted.

            EXAMPLES
              vcpusnap list
              vcpusnap list --format json
            """)

    @Option(help: "How to print the result: text or json.")
    var format = OutputFormat.text

    func run() throws {
        try ListOutput(table: try ProcessTable.read()).print(as: format)
    }
}
