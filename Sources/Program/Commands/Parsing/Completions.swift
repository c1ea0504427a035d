internal import ArgumentParser
internal import LinuxSystem
internal import Machines
internal import Registers

/// What a shell completes a word with, where that is no file's name alone.
enum Completions {
    static let registers: CompletionKind = .custom { _, _, beginning in
        names(of: RegisterDictionary.all.map(\.name), beginning)
    }

    /// Registers, and with `--history` whatever else has one.
    static let historySubjects: CompletionKind = .custom { words, _, beginning in
        let others = KVMCapability.all.map(\.name) + VCPUFeature.all.map(\.macro)
        let registers = RegisterDictionary.all.map(\.name)
        return names(of: registers + (words.contains("--history") ? others : []), beginning)
    }

    private static func names(of all: [String], _ beginning: String) -> [String] {
        let beginning = beginning.lowercased()
        return all.filter { $0.lowercased().hasPrefix(beginning) }
    }

    /// What the kinds of sources say, and the files of the folder that the word is in.
    static let sources: CompletionKind = .custom { _, _, beginning in
        let named = SourceKinds.named.flatMap { $0.completions(of: beginning) }
        return (named + files(of: beginning)).filter { $0.hasPrefix(beginning) }
    }

    private static func files(of beginning: String) -> [String] {
        let folder = beginning.lastIndex(of: "/").map { String(beginning[...$0]) } ?? ""
        let names = try? Folder.names(in: folder.isEmpty ? "." : folder) { !$0.hasPrefix(".") }
        return (names ?? []).map { folder + $0 }
    }
}
