import Foundation
import LinuxSystem
import Machines
import QEMUStream
import Registers
import TestFiles
import Testing
import VCPUModel

/// What holds for every kind of source, tried on one of each.
@Suite("Every kind of source")
struct SourceConformanceTests {
    private let folder: TemporaryFolder
    private let options = SourceOptions()

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("Every kind is tried here, or on real KVM")
    func allAreTried() {
        let own = Set(SourceKinds.own.map { $0.summary.grammar })
        let tried = Set(SourceSubject.all.map(\.grammar))
        let elsewhere = SourceSubject.onKVM.union(SourceSubject.byPrograms)
        #expect(own == tried.union(elsewhere).union(SourceSubject.onQEMU))
    }

    @Test("Read twice, it says the same", arguments: SourceSubject.all)
    func readTwice(subject: SourceSubject) throws {
        let (location, keeper) = try subject.made(in: folder)
        let first = try location.capture(options)
        let second = try location.capture(options)
        #expect(!first.snapshot.vcpus.isEmpty)
        #expect(first.snapshot.vcpus == second.snapshot.vcpus)
        #expect(first.unreadable == second.unreadable)
        withExtendedLifetime(keeper) {}
    }

    @Test("Written to a file and read from there, it is the same", arguments: SourceSubject.all)
    func throughAFile(subject: SourceSubject) throws {
        let (location, keeper) = try subject.made(in: folder)
        let state = try location.capture(options).snapshot
        let file = Location(path: folder / "copy.vcpusnap")
        try SnapshotFile.write(state, to: file)
        #expect(try file.capture(options).snapshot == state)
        withExtendedLifetime(keeper) {}
    }

    @Test("Its name is given back as it was, and found again", arguments: SourceSubject.all)
    func names(subject: SourceSubject) throws {
        let (location, keeper) = try subject.made(in: folder)
        #expect(Location(argument: location.argument) == location)
        withExtendedLifetime(keeper) {}
    }

    @Test("It can do what the help and README say of it, and no more", arguments: SourceSubject.all)
    func abilities(subject: SourceSubject) throws {
        let (location, keeper) = try subject.made(in: folder)
        let kind = try #require(SourceKinds.own.first { $0.summary.grammar == subject.grammar })
        let snapshot = try location.capture(options).snapshot
        var abilities: SourceAbilities = .read
        if opens(location, .edit(keeps: false)) { abilities.insert(.edit) }
        if opens(location, .restore(of: snapshot, keeps: false)) { abilities.insert(.restore) }
        if (try? location.openToConvert(options)) != nil { abilities.insert(.convert) }
        if (try? location.openStreamOfMachine(options)) != nil { abilities.insert(.load) }
        if (try? location.hosts(options)) != nil { abilities.insert(.host) }
        #expect(kind.summary.abilities.subtracting(.mend) == abilities)
        withExtendedLifetime(keeper) {}
    }

    private func opens(_ location: Location, _ purpose: OpenPurpose) -> Bool {
        guard let state = try? location.open(purpose, options) else { return false }
        return (try? state.letGo()) != nil
    }

    @Test(
        "A register that cannot be read is named, and the rest is there",
        arguments: SourceSubject.all.filter { $0.whyAllIsRead == nil })
    func unreadable(subject: SourceSubject) throws {
        let (location, keeper) = try subject.made(in: folder)
        let whole = try location.open(.edit(keeps: false), options).capture().snapshot
        let state = try location.open(.edit(keeps: false), options)
        let vcpus = state.vcpus.map {
            OpenVCPU(index: $0.index, bank: FailingBank($0.bank, at: .tpidrEL1))
        }
        let capture = try StateCapture(of: vcpus, state.provenance, vm: state.vm)
        try state.letGo()
        let listing = whole.vcpus.filter { $0.registers[.tpidrEL1] != nil }
        #expect(!listing.isEmpty)
        #expect(capture.unreadable.map(\.unit) == listing.map { .vcpu($0.index) })
        #expect(capture.unreadable.allSatisfy { $0.error.id == .tpidrEL1 && $0.error.errno == .io })
        let counts = [capture.snapshot, whole].map { $0.vcpus.map(\.registers.count).reduce(0, +) }
        #expect(counts[0] == counts[1] - listing.count)
        withExtendedLifetime(keeper) {}
    }

    @Test("What stays open would be seen")
    func openIsSeen() throws {
        let (before, after) = try OpenDescriptors.around { _ = open("/dev/null", O_RDONLY) }
        #expect(after.targets.count == before.targets.count + 1)
    }

    @Test("Nothing stays open, and nothing is left behind", arguments: SourceSubject.all)
    func nothingIsLeft(subject: SourceSubject) throws {
        let (location, keeper) = try subject.made(in: folder)
        let damaged = subject.isFile ? try damagedCopies(of: location) : []
        let names = try folder.names
        let options = options
        let operations: [@Sendable () -> Void] =
            ([location] + damaged).flatMap { Self.operations(on: $0, options) }
        // What the first reading opens for good, for example the system's random numbers, is no leak.
        operations[0]()
        for (number, operation) in operations.enumerated() {
            let (before, after) = try OpenDescriptors.around(operation)
            #expect(before == after, "operation \(number)")
        }
        #expect(try folder.names == names)
        withExtendedLifetime(keeper) {}
    }

    /// Whether they succeed or are refused.
    private static func operations(
        on location: Location, _ options: SourceOptions
    ) -> [@Sendable () -> Void] {
        [
            { _ = try? location.capture(options) },
            {
                let state = try? location.open(.edit(keeps: true), options)
                _ = try? state?.capture()
                try? state?.letGo()
            },
            {
                let none = Snapshot(provenance: Provenance(), vcpus: [])
                let state = try? location.open(.restore(of: none, keeps: true), options)
                try? state?.letGo()
            },
        ]
    }

    @Test(
        "What begins as one and is damaged or ends too early is refused by its name and the place",
        arguments: SourceSubject.files)
    func foreignBytes(subject: SourceSubject) throws {
        let (location, _) = try subject.made(in: folder)
        for copy in try damagedCopies(of: location) {
            let error = #expect(throws: SourceError.self) { try copy.capture(options) }
            let text = error?.description ?? ""
            #expect(text.contains(copy.text), "\(text)")
            // Of a text it is the line.
            #expect(try text.contains(Regex("byte [0-9]|:[0-9]+: ")), "\(copy.text): \(text)")
        }
    }

    /// Of what a file has, half is replaced or missing, or all but the first bytes.
    private func damagedCopies(of location: Location) throws -> [Location] {
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: location.argument)))
        let name = URL(fileURLWithPath: location.argument).lastPathComponent
        let rubbish = [UInt8](repeating: 0xa5, count: 4096)
        let starts = [ImageInput.prefixSize, bytes.count / 2].map { Array(bytes.prefix($0)) }
        let all = starts + starts.map { $0 + rubbish } + [Array(bytes.prefix(40))]
        return try all.enumerated().map { number, copy in
            Location(path: try folder.make("\(number)-\(name)", copy))
        }
    }

    @Test("What is of no kind is refused by its first bytes, and every kind is named")
    func unknownBytes() throws {
        let location = Location(path: try folder.make("x", "nothing that is known"))
        let error = #expect(throws: SourceError.self) { try location.capture(options) }
        let text = error?.description ?? ""
        for kind in SourceKinds.files { #expect(text.contains(kind.phrase), "\(text)") }
        #expect(text.contains("6e 6f 74 68"))
    }

    @Test("An option that another kind takes is refused", arguments: SourceSubject.all)
    func optionsOfOthers(subject: SourceSubject) throws {
        let (location, keeper) = try subject.made(in: folder)
        var options = options
        options.set(
            SourceOption("--of-others", bearer: "other", subject: "others", help: ""), if: true)
        let error = #expect(throws: SourceError.self) { try location.capture(options) }
        #expect(error?.description.contains("--of-others is about others: leave it out") == true)
        withExtendedLifetime(keeper) {}
    }

    @Test(
        "The tables of README and Documentation are those of the list",
        arguments: [
            ("README.md", SourceTable.text(of: SourceKinds.own)),
            ("Documentation/reference.md", SourceTable.markdown(of: SourceKinds.own)),
        ])
    func tables(page: String, lines: [String]) throws {
        let table = lines.joined(separator: "\n")
        let text = try String(contentsOf: ProjectFolder.file(page), encoding: .utf8)
        #expect(text.contains(table), "\(table)")
    }
}

/// A bank with a register that is listed and cannot be read.
private final class FailingBank: RegisterBank {
    private let bank: any RegisterBank
    private let id: RegisterID

    init(_ bank: any RegisterBank, at id: RegisterID) {
        self.bank = bank
        self.id = id
    }

    func list() throws(RegisterBankError) -> [RegisterID] { try bank.list() }

    func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        guard id != self.id else { throw RegisterBankError(.read, id, .io) }
        return try bank.read(id)
    }

    func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        try bank.write(value, to: id)
    }
}
