internal import ArgumentParser
internal import Attach

/// `vcpusnap list`.
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the processes on this host that have KVM VMs.",
        usage: "vcpusnap list [options]",
        discussion: """
            They are found in /proc; nothing is attached to. Processes whose descriptors
            this user may not see are counted.

            EXAMPLES
              vcpusnap list
              vcpusnap list --format json
            """)

    @OptionGroup var printing: PrintingOptions

    func run() throws {
        try ListOutput(table: try ProcessTable.read()).print(as: printing)
    }
}
