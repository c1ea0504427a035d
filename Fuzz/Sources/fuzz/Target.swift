/// Something that inputs are used for.
protocol Target: Sendable {
    /// One word.
    var name: String { get }

    /// What the fuzzer begins with, beside `Seeds/NAME`.
    var seeds: [[UInt8]] { get }

    /// Takes an input through everything that is done with its like.
    func use(_ bytes: [UInt8])

    /// Changes an input, so that the change gets behind checksums and lengths.
    func mutate(_ bytes: [UInt8], most: Int, _ random: inout Random) -> [UInt8]
}

extension Target {
    func mutate(_ bytes: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
        mutated(bytes, most: most)
    }
}

let targets: [any Target] = [
    SnapshotTarget(), ProfileTarget(), PolicyTarget(), BaselineTarget(), StreamTarget(),
    UndoTarget(), ImageTarget(), VMMTarget(), VMMFileTarget(), QMPTarget(), MoveTarget(),
    JSONTarget(), TemplateTarget(), RegistersTarget(), ArgumentsTarget(), LibraryTarget(),
]
