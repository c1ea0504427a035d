internal import ArgumentParser
internal import Registers

/// What a shell completes a word with, where that is no file's name.
enum Completions {
    static let registers: CompletionKind = .custom { _, _, beginning in
        let beginning = beginning.lowercased()
        return RegisterDictionary.all.map(\.name).filter {
            $0.lowercased().hasPrefix(beginning)
        }
    }
}
