internal import ArgumentParser

/// How a result is printed.
struct OutputOptions: ParsableArguments {
    @Option(help: "How to print the result: text or json.")
    var format = OutputFormat.text

    @Flag(help: "Print the guest's pointer authentication keys instead of hiding them.")
    var showKeys = false

    var values: ValueText { ValueText(showsKeys: showKeys) }
}

/// What to create where the source is a host and not a file.
struct MachineOptions: ParsableArguments {
    @Option(help: "The number of vCPUs to create on kvm: or an emulated host (1 to 512).")
    var vcpus = 1

    func validate() throws {
        guard 1...512 ~= vcpus else {
            throw ValidationError("--vcpus takes a number from 1 to 512, not \(vcpus)")
        }
    }
}
