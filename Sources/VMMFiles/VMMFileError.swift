/// Why a file of a VMM was not read.
public struct VMMFileError: Error, Hashable, Sendable {
    /// What is wrong with it.
    public enum Problem: Hashable, Sendable {
        /// It is not what its format says, or ends too early.
        case damaged
        /// It contradicts itself, or is beyond a limit.
        case contradiction
        /// It is of a version or kind that is not read here.
        case unsupported
    }

    /// What is wrong with it.
    public let problem: Problem
    /// The byte where that is seen; nil where it is none in particular.
    public let offset: Int?
    private let text: String

    /// - Parameter part: what was being read.
    /// - Returns: that a file is not what its format says.
    package static func damaged(
        _ part: String, at offset: Int?, expected: String, found: String
    ) -> VMMFileError {
        let place = offset.map { " at byte \($0)" } ?? ""
        return VMMFileError(
            problem: .damaged, offset: offset,
            text: "damaged\(place): \(part): expected \(expected), found \(found)")
    }

    /// - Parameter missing: what should follow.
    /// - Returns: that a file ends too early.
    package static func cutOff(at offset: Int, missing: String) -> VMMFileError {
        VMMFileError(
            problem: .damaged, offset: offset, text: "cut off at byte \(offset): \(missing)")
    }

    /// That a file cannot be meant as it is.
    /// - Parameter text: why.
    package static func contradiction(_ text: String) -> VMMFileError {
        VMMFileError(problem: .contradiction, offset: nil, text: text)
    }

    /// That a file is of a version or kind that is not read here.
    /// - Parameter text: which one it is, and what to do instead.
    package static func unsupported(_ text: String) -> VMMFileError {
        VMMFileError(problem: .unsupported, offset: nil, text: text)
    }

    /// The same of one of several files.
    package func named(_ name: String) -> VMMFileError {
        VMMFileError(problem: problem, offset: offset, text: "\(name): \(text)")
    }
}

extension VMMFileError: CustomStringConvertible {
    /// What is wrong, where, and what to do about it.
    public var description: String {
        switch problem {
        case .unsupported: text
        case .damaged, .contradiction:
            text + "; take an undamaged copy of it, or save the VM again"
        }
    }
}
