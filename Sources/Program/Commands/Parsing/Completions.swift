internal import ArgumentParser
internal import Emulation
internal import LinuxSystem
internal import Machines
internal import Registers
internal import Transfer

/// What a shell completes a word with, where that is no file's name alone.
enum Completions {
    static let registers: CompletionKind = .custom { _, _, word in
        names(registerNames(like: word), like: word)
    }

    /// Registers, after a dot the fields of one, and with `--history` whatever else has one.
    static let historySubjects: CompletionKind = .custom { words, _, word in
        if let fields = fieldNames(like: word) { return fields }
        let others = KVMCapability.all.map(\.name) + VCPUFeature.all.map(\.macro)
        return names(
            registerNames(like: word) + (words.contains("--history") ? others : []), like: word)
    }

    /// The left sides of assignments: registers, and after a dot the fields of one.
    static let assignments: CompletionKind = .custom { _, _, word in
        let all = fieldNames(like: word) ?? names(registerNames(like: word), like: word)
        return all.map { $0 + "=" }
    }

    static let sources = withFiles { sourceNames(like: $0) }
    static let hosts = withFiles { hostSchemes(like: $0) + HostProfile.builtInNames }
    /// Sources, and hosts that stand for fresh guests.
    static let guests = withFiles { sourceNames(like: $0) + HostProfile.builtInNames }
    static let policies = withFiles { _ in RestorePolicy.Preset.allCases.map(\.rawValue) }

    /// Of a family, which can have thousands, the first one until the word says that one of them is meant.
    private static func registerNames(like word: String) -> [String] {
        let lower = word.lowercased()
        return RegisterDictionary.all.flatMap { entry in
            let isMeant = entry.familyStem.map { lower.hasPrefix($0.lowercased()) } ?? false
            return isMeant ? entry.family.map(\.name) : [entry.name]
        }
    }

    /// Those that are hosts; what follows a scheme only once it is there.
    private static func hostSchemes(like word: String) -> [String] {
        SourceKinds.named.filter { $0.summary.abilities.contains(.host) }.flatMap {
            word.hasPrefix($0.scheme) ? $0.completions(of: word) : [$0.scheme]
        }
    }

    private static func sourceNames(like word: String) -> [String] {
        SourceKinds.named.flatMap { $0.completions(of: word) }
    }

    /// `REGISTER.FIELD` for each field of the register, as it was spelled; nil for a word that names none before a dot.
    private static func fieldNames(like word: String) -> [String]? {
        let parts = word.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let register = RegisterID(spelled: parts[0]) else { return nil }
        let fields = RegisterDictionary.entry(for: register)?.fields ?? []
        return names(fields.filter { !$0.isReserved }.map { "\(parts[0]).\($0.name)" }, like: word)
    }

    /// The names that begin with a word in any case; all in lower case, if the word is.
    private static func names(_ all: [String], like word: String) -> [String] {
        let lower = word.lowercased()
        return all.filter { $0.lowercased().hasPrefix(lower) }
            .map { word == lower && !word.isEmpty ? $0.lowercased() : $0 }
    }

    private static func withFiles(
        _ names: @escaping @Sendable (String) -> [String]
    ) -> CompletionKind {
        .custom { _, _, word in
            let word = unquoted(word)
            return names(word).filter { $0.hasPrefix(word) } + Folder.completions(of: word)
        }
    }

    /// What is typed, without the shell's quoting; it may end inside of quotes.
    private static func unquoted(_ word: String) -> String {
        var quote: Character?
        var isEscaped = false
        return word.filter { character in
            if isEscaped {
                isEscaped = false
                return true
            }
            isEscaped = character == "\\" && quote != "'"
            let isQuote = quote.map { $0 == character } ?? ("'\"".contains(character))
            if isQuote { quote = quote == nil ? character : nil }
            return !isEscaped && !isQuote
        }
    }
}
