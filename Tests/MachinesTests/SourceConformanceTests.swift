import Foundation
import Machines
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
        #expect(own == tried.union(SourceSubject.onKVM).union(SourceSubject.onQEMU))
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

    @Test("Nothing stays open, and nothing is left behind", arguments: SourceSubject.all)
    func nothingIsLeft(subject: SourceSubject) throws {
        let (location, keeper) = try subject.made(in: folder)
        let before = try folder.names
        _ = try location.capture(options)
        let kind = SourceKinds.own.first { $0.summary.grammar == subject.grammar }
        if kind?.summary.abilities.contains(.edit) == true {
            let state = try location.open(.edit(keeps: true), options)
            _ = try state.capture()
            try state.letGo()
        }
        #expect(try folder.names == before)
        #expect(openFiles().filter { $0.hasPrefix(folder.path) } == [])
        withExtendedLifetime(keeper) {}
    }

    @Test(
        "What begins as one and goes on as nothing is refused by its name",
        arguments: SourceSubject.files)
    func foreignBytes(subject: SourceSubject) throws {
        let (location, _) = try subject.made(in: folder)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: location.argument))
        let rubbish = bytes.prefix(16) + Data(repeating: 0xa5, count: 4096)
        try rubbish.write(to: URL(fileURLWithPath: location.argument))
        let error = #expect(throws: SourceError.self) { try location.capture(options) }
        #expect(error?.description.contains(location.text) == true, "\(String(describing: error))")
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
        options.set(SourceOption("--of-others", bearer: "other", subject: "others"), if: true)
        let error = #expect(throws: SourceError.self) { try location.capture(options) }
        #expect(error?.description.contains("--of-others is about others: leave it out") == true)
        withExtendedLifetime(keeper) {}
    }

    @Test("README's table is that of the list")
    func readme() throws {
        let readme = ProjectFolder.file("README.md")
        let table = SourceTable.markdown(of: SourceKinds.own).joined(separator: "\n")
        #expect(try String(contentsOf: readme, encoding: .utf8).contains(table), "\(table)")
    }

    private func openFiles() -> [String] {
        let folder = "/proc/self/fd"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
        }
    }
}
