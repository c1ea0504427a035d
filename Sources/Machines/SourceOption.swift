public import Registers

/// Something that a kind of source can be told beyond its name.
public struct SourceOption: Hashable, Sendable {
    /// As on the command line: `--settle`.
    public let name: String
    /// What takes it, and what it is about, for the message when it is given to another source: `file with a stream`,
    /// `QEMU's streams`.
    public let bearer, subject: String
    /// What its value is called in the help; nil for one that takes none.
    public let value: String?
    /// Its line in the help.
    public let help: String

    /// Describes an option; two with the same name are equal, whatever the rest says.
    public init(
        _ name: String, value: String? = nil, bearer: String, subject: String, help: String
    ) {
        self.name = name
        self.value = value
        self.bearer = bearer
        self.subject = subject
        self.help = help
    }

    /// Whether both are the same flag.
    public static func == (left: SourceOption, right: SourceOption) -> Bool {
        left.name == right.name
    }

    /// Feeds the option's name to a hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
    }
}

/// What a source is told beyond its name, and where its notices go.
public struct SourceOptions: Sendable {
    private var values: [SourceOption: String] = [:]
    /// The program that reads, for the provenance of what it reads.
    public var tool = Version.text
    /// What a source may save the trouble of reading, because it is not kept.
    public var leavesOut: Set<RegisterCategory> = []
    /// Gets one sentence at a time: a warning, or for how long a VM stood still.
    public var notify: @Sendable (String) -> Void

    /// No options given.
    /// - Parameter notify: gets the notices; by default they are dropped.
    public init(notify: @escaping @Sendable (String) -> Void = { _ in }) {
        self.notify = notify
    }

    /// The value of an option, empty for one that takes none; nil where it was not given.
    public subscript(option: SourceOption) -> String? {
        get { values[option] }
        set { values[option] = newValue }
    }

    /// Whether an option was given.
    public func has(_ option: SourceOption) -> Bool { values[option] != nil }

    /// Gives an option that takes no value.
    ///
    /// Does nothing when `isGiven` is false.
    public mutating func set(_ option: SourceOption, if isGiven: Bool) {
        if isGiven { values[option] = "" }
    }

    /// The options that were given, sorted by name.
    public var given: [SourceOption] { values.keys.sorted { $0.name < $1.name } }

    /// The options that were given and that this kind does not take, sorted by name.
    public func misplaced(in kind: any StateSource.Type) -> [SourceOption] {
        given.filter { !kind.takes($0) }
    }
}
