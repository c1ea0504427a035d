import Glibc
import VCPUSnap

/// What holds for every kind of source (`Tests/MachinesTests/SourceConformanceTests.swift`), of one that needs KVM.
struct SourceProof {
    let location: Location

    init(_ argument: String) throws {
        guard let location = Location(argument: argument) else {
            throw ProofError("\(argument) is no source")
        }
        self.location = location
    }

    func run() throws -> Bool {
        let before = try openFiles()
        let (first, second) = (try capture(), try capture())
        let readsTheSame = SnapshotDifference(first, second).isSame && !first.vcpus.isEmpty
        let file = Location(path: "/tmp/source-proof.vcpusnap")
        try SnapshotFile.write(first, to: file)
        let survivesAFile = try file.capture(SourceOptions()).snapshot == first
        unlink("/tmp/source-proof.vcpusnap")
        let isNamed = Location(argument: location.argument) == location
        let results = [
            ("reads the same twice", readsTheSame), ("survives a file", survivesAFile),
            ("has a name", isNamed), ("refuses others' options", refusesOptionsOfOthers()),
            ("leaves nothing open", try openFiles() == before),
        ]
        for (what, holds) in results { print("\(location.text):", what, holds) }
        return results.allSatisfy(\.1)
    }

    private func capture() throws -> Snapshot {
        let capture = try location.capture(SourceOptions())
        if let failure = capture.unreadable.first { throw failure.error }
        return capture.snapshot
    }

    private func refusesOptionsOfOthers() -> Bool {
        var options = SourceOptions()
        options.set(
            SourceOption("--of-others", bearer: "other", subject: "others", help: ""), if: true)
        do throws(SourceError) {
            _ = try location.capture(options)
            return false
        } catch {
            return error.description.contains("--of-others")
        }
    }

    /// How many descriptors this process has open.
    private func openFiles() throws -> Int {
        guard let folder = opendir("/proc/self/fd") else { throw ProofError("no /proc") }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return count
    }
}
