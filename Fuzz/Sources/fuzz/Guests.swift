import Glibc
import Program
import VCPUSnap

/// Guests of the built-in hosts, made by the program itself.
enum Guests {
    static let n1 = file(of: "6.12-neoverse-n1")
    static let max = file(of: "6.12-max")

    /// The same guest with no more registers than it needs to be whole.
    static let small = encoded(essential(1))

    static func essential(_ count: UInt32) -> Snapshot {
        var result = snapshot(n1)
        guard let first = result.vcpus.first else { return result }
        let pairs = first.registers.filter {
            RegisterDictionary.entry(for: $0.0)?.isEssential ?? false || $0.0 == .vcpuInit
                || $0.0.name.hasPrefix("ID_AA64PFR") || $0.0.name.hasPrefix("CNT")
        }
        let registers = RegisterList(pairs.map { ($0.0, $0.1) }) ?? first.registers
        result.vcpus = (0..<count).map { VCPUState(index: $0, registers: registers) }
        return result
    }

    static func snapshot(_ bytes: [UInt8]) -> Snapshot {
        do { return try SnapshotReader.decode(bytes) } catch { fatalError("\(error)") }
    }

    static func encoded(_ snapshot: Snapshot) -> [UInt8] {
        do { return try SnapshotWriter.encode(snapshot, level: 1) } catch { fatalError("\(error)") }
    }

    private static func file(of host: String) -> [UInt8] {
        let path = "/dev/shm/vcpusnap-fuzz-\(getpid()).vcpusnap"
        defer { unlink(path) }
        guard VcpusnapProgram.exitCode(of: ["save", "emulated:\(host)", "-o", path]) == 0,
            let bytes = Workspace.read(path)
        else { fatalError("a guest of \(host) cannot be made") }
        return bytes
    }
}

/// Hosts by file, which take a tenth of the time to read that the built-in ones take.
enum Hosts {
    /// A built-in one with no more registers than the small guest has.
    static let small = reduced("6.1-neoverse-n1")
    /// Of another kernel.
    static let other = reduced("6.12-neoverse-n1")

    /// With SVE and pointer authentication.
    static let wide = reduced("6.12-max")

    private static func reduced(_ host: String) -> [UInt8] {
        let ids = Set(Guests.essential(1).vcpus.flatMap { $0.registers.ids })
        let lines = text(of: host).split(separator: "\n").filter { line in
            let words = line.split(separator: " ")
            guard ["register", "without"].contains(words.first), words.count > 2 else {
                return true
            }
            return RegisterID(parsing: words[2]).map(ids.contains) ?? true
        }
        return Array((lines.joined(separator: "\n") + "\n").utf8)
    }

    static func text(of host: String) -> String {
        do {
            return try HostProfile.builtIn(named: host)?.text ?? ""
        } catch {
            fatalError("\(error)")
        }
    }
}
