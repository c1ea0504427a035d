public import Emulation
public import LinuxSystem
public import VCPUModel

/// A kind of place where the state of vCPUs is taken from or put: the one description of it that the command line,
/// its help and the tables of README and Documentation are made from.
///
/// A kind is either named by a scheme, `pid:4711` (`NamedSource`), or is a file that is recognized by its content
/// (`StateFileKind`). `SourceKinds` lists them all.
public protocol StateSource: Sendable {
    /// What the help and the tables say about this kind, and what it can do.
    static var summary: SourceSummary { get }
}

extension StateSource {
    /// Whether an option means something to this kind.
    public static func takes(_ option: SourceOption) -> Bool { summary.options.contains(option) }
}

/// What a kind of source says of itself.
public struct SourceSummary: Sendable {
    /// As it is written on a command line: `pid:PID`; for a kind of file what the file is called: `QEMU stream`.
    public var grammar: String
    /// What it is, in words that follow "a SOURCE is one of"; a line end is where the help breaks the line.
    public var meaning: String
    /// What the commands can do with this kind.
    public var abilities: SourceAbilities
    /// What it takes to use it beyond this program, for the table of Documentation/reference.md; empty for nothing.
    public var needs: String
    /// What it can be told beyond its name.
    public var options: [SourceOption]
    /// What is to be known where the commands do something with it, as a paragraph of their help: of `save` for `read`,
    /// of `restore` for `restore`; a line end is where the help breaks the line.
    public var details: [SourceAbilities: String]
    /// A command line that uses it.
    public var example: String

    /// Describes a kind; by default it needs nothing, takes no options, and there is no more to be known.
    public init(
        grammar: String, meaning: String, abilities: SourceAbilities, needs: String = "",
        options: [SourceOption] = [], details: [SourceAbilities: String] = [:], example: String
    ) {
        self.grammar = grammar
        self.meaning = meaning
        self.abilities = abilities
        self.needs = needs
        self.options = options
        self.details = details
        self.example = example
    }
}

/// What can be done with a kind of source.
public struct SourceAbilities: OptionSet, Hashable, Sendable {
    /// One bit for each ability.
    ///
    /// The bits may change between versions.
    public let rawValue: Int

    /// Takes the bits as they are.
    public init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// Its state can be saved, shown, compared and planned with.
    public static let read = SourceAbilities(rawValue: 1 << 0)
    /// A snapshot can be restored into it.
    public static let restore = SourceAbilities(rawValue: 1 << 1)
    /// Registers of it can be set, and exceptions injected.
    public static let edit = SourceAbilities(rawValue: 1 << 2)
    /// It is a file that another program than vcpusnap wrote, and a snapshot can be made of it.
    public static let convert = SourceAbilities(rawValue: 1 << 3)
    /// Its QEMU stream can be changed where it is, or written with its changes.
    public static let mend = SourceAbilities(rawValue: 1 << 4)
    /// It tells what KVM there does, so that moves to it can be planned (`--host`).
    public static let host = SourceAbilities(rawValue: 1 << 5)
    /// It has a QEMU stream, or gives one while it runs: what QEMU does with it can be planned.
    public static let load = SourceAbilities(rawValue: 1 << 6)
}

/// A source that is named by a scheme and what follows it.
public protocol NamedSource: StateSource {
    /// What its names begin with: `pid:`.
    static var scheme: String { get }

    /// How its names can be written, for a message about one that cannot be meant: `ssh:HOST`.
    static var spellings: String { get }

    /// - Parameter name: what follows the scheme.
    /// - Returns: nil for a name that cannot be meant.
    init?(_ name: String)

    /// What follows the scheme.
    var name: String { get }

    /// The files that it is made from, none of which must be overwritten; empty where there is none.
    var files: [FileIdentity] { get }

    /// Whether what is written to it outlives the command.
    var isLasting: Bool { get }

    /// Whether no time passes for it, as for a file, however long nobody uses it.
    var isAtRest: Bool { get }

    /// Why no snapshot can be restored into it, or not as a mere trial; nil where one can.
    ///
    /// It is asked before anything is read, and what it says is an error in how the command is used.
    static func objection(to use: RestoreUse) -> String?

    /// Its state at one moment.
    /// - Throws: where it cannot be reached or lists no registers; one that cannot be read is told
    ///   in the result.
    func capture(_ options: SourceOptions) throws(SourceError) -> StateCapture

    /// Opens it so that its registers can be written.
    ///
    /// Nobody else asks `summary`: a kind without the ability has to throw, as it does by default.
    /// - Throws: where it cannot be reached or written, or its vCPUs are others than the purpose
    ///   needs.
    func open(_ purpose: OpenPurpose, _ options: SourceOptions) throws(SourceError) -> any OpenState

    /// What is known of it as a host, for plans of moves to it: one profile, or one of each kind of its cores.
    /// - Throws: for a kind without the ability, and where it cannot be reached or asked.
    func hosts(_ options: SourceOptions) throws(SourceError) -> [HostProfile]

    /// The host that a restore into it is planned on, as `--host` takes it; nil where none can be named.
    var hostOfRestore: String? { get }

    /// What a shell completes the beginning of such a name with, each with its scheme.
    static func completions(of beginning: String) -> [String]

    /// What to give in the place of a word that was taken for the name of a file, where probably this kind was meant:
    /// the end of a message.
    /// - Parameter errno: why there is no such file to be read.
    /// - Returns: nil where nothing speaks for this kind.
    static func advice(insteadOf path: String, _ errno: Errno) -> String?
}

extension NamedSource {
    /// By default as the table of sources has them.
    public static var spellings: String { summary.grammar }

    /// By default there is none.
    public var files: [FileIdentity] { [] }

    /// By default what is written ends with the command.
    public var isLasting: Bool { false }

    /// By default time passes for it.
    public var isAtRest: Bool { false }

    /// None by default.
    public static func objection(to use: RestoreUse) -> String? { nil }

    /// By default refuses: this kind can only be read.
    /// - Throws: always, with the advice to name a snapshot file.
    public func open(
        _ purpose: OpenPurpose, _ options: SourceOptions
    ) throws(SourceError) -> any OpenState {
        throw Location(self).isNotForEditing
    }

    /// By default refuses: this kind is no host.
    /// - Throws: always, with the advice to name one.
    public func hosts(_ options: SourceOptions) throws(SourceError) -> [HostProfile] {
        throw Location(self).isNoHost
    }

    /// By default itself, if it is a host.
    public var hostOfRestore: String? {
        Self.summary.abilities.contains(.host) ? Self.scheme + name : nil
    }

    /// By default only the scheme.
    public static func completions(of beginning: String) -> [String] { [scheme] }

    /// The paths that can follow the scheme, if it is there.
    static func paths(of beginning: String) -> [String] {
        guard beginning.hasPrefix(scheme) else { return [] }
        let path = String(beginning.dropFirst(scheme.count))
        return Folder.completions(of: path).map { scheme + $0 }
    }

    /// By default nothing speaks for it.
    public static func advice(insteadOf path: String, _ errno: Errno) -> String? { nil }
}

/// What a restore does to its target.
public enum RestoreUse: Hashable, Sendable {
    /// Its registers are written.
    case writing
    /// Nothing is to be changed (`--dry-run`).
    case trying
}

/// What a source is opened for.
public enum OpenPurpose: Sendable {
    /// A restore of this snapshot.
    /// - Parameter keeps: whether what is written is to last; false for `--dry-run`.
    case restore(of: Snapshot, keeps: Bool)
    /// A change of some registers.
    /// - Parameter keeps: whether what is written is to last; false where the result goes to another file.
    case edit(keeps: Bool)
}

/// What was read from a source.
public struct StateCapture: Sendable {
    /// All registers that could be read, and the provenance.
    public var snapshot: Snapshot
    /// The registers that the source lists and did not let us read.
    public var unreadable: [UnreadableRegister]

    /// By default every register could be read.
    public init(_ snapshot: Snapshot, unreadable: [UnreadableRegister] = []) {
        self.snapshot = snapshot
        self.unreadable = unreadable
    }
}

/// A register that a source lists and does not let us read.
public struct UnreadableRegister: Hashable, Sendable {
    /// Whose it is.
    public var unit: UnitID
    /// Which register it is, and with which errno the read failed.
    public var error: RegisterBankError
}
