public import Registers
internal import TextFormats

extension HostProfile {
    /// Bits of a register whose value the profile does not know.
    public struct Guess: Hashable, Sendable {
        /// The register, or one of its fields as `REGISTER.FIELD`.
        public var name: String
        /// The register.
        public var register: RegisterID
        /// The value that is taken for it.
        public var value: UInt64

        /// What kind of line of the profile tells of it.
        static let directive = "x-guess"
    }

    /// The registers whose values are guessed in part, in the order of their lines.
    ///
    /// An `x-` line says it, so that it is not lost in the file.
    public var guesses: [Guess] {
        extensions.compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 3, words[0] == Guess.directive,
                let value = NumberText.hexadecimal(words[2]),
                let id = words[1].split(separator: ".").first.flatMap({ RegisterID(parsing: $0) })
            else { return nil }
            return Guess(name: String(words[1]), register: id, value: value)
        }
    }
}
