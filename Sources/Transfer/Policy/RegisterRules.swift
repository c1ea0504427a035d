internal import Registers
internal import VCPUModel

/// The rules of a policy that match one register, sorted by what they decide.
///
/// A guest can have thousands of vCPUs, and each of its losses is asked about: so that is no walk through the
/// rules.
final class RegisterRules: Sendable {
    /// The overrides, by their numbers in the policy.
    let overrides: [Int]
    /// The last rule that says whether the register is written.
    let writing: Int?
    /// What is decided of a value that the destination does not have, or refuses.
    private let ofSaved: LastTest
    /// What is decided of bits that are not as wanted.
    private let ofDifference: LastTest

    static let none = RegisterRules([], of: [])

    /// - Parameter numbers: of the rules that match, in the order of the policy.
    init(_ numbers: [Int], of rules: [PolicyRule]) {
        overrides = numbers.filter { rules[$0].isOverride }
        writing = numbers.last { rules[$0].decidesWriting }
        ofSaved = LastTest(numbers, rules, \.testOfSaved)
        ofDifference = LastTest(numbers, rules, \.testOfDifference)
    }

    /// The last rule that decides about a loss.
    func last(speakingOf loss: PolicyLoss) -> Int? {
        switch loss.kind {
        case .absent, .refused: ofSaved.last(holdingFor: loss.saved)
        case .different(let bits): ofDifference.last(holdingFor: bits)
        case .missing: writing
        }
    }
}

/// Finds the last of some tests that holds for a value: a lookup for each mask.
private struct LastTest: Sendable {
    private struct Mask: Hashable {
        var bits: UInt64
        /// Whether all bits above the 64th must be zero.
        var isWhole: Bool
    }

    /// The last one that holds for every value.
    private var always: Int?
    /// The others that come after it: by mask and value the last one.
    private var masked: [Mask: [UInt64: Int]] = [:]

    init(_ numbers: [Int], _ rules: [PolicyRule], _ test: (PolicyRule) -> PolicyRule.BitsTest?) {
        for number in numbers {
            switch test(rules[number]) {
            case .always:
                always = number
                masked = [:]
            case .bits(let mask, let value, let isWhole):
                masked[Mask(bits: mask, isWhole: isWhole), default: [:]][value] = number
            case nil: break
            }
        }
    }

    func last(holdingFor value: RegisterValue) -> Int? {
        guard !masked.isEmpty else { return always }
        let (low, isNarrow) = (value.lowBits, value.hasNothingAboveLowBits)
        let holding = masked.lazy.compactMap { mask, numbers in
            isNarrow || !mask.isWhole ? numbers[low & mask.bits] : nil
        }
        return holding.max() ?? always
    }
}

extension PolicyRule {
    /// For which bits of a register a rule decides.
    fileprivate enum BitsTest {
        case always
        /// - Parameters:
        ///   - mask: of the low 64 bits those that matter.
        ///   - value: what they must be.
        ///   - isWhole: whether all bits above must be zero.
        case bits(UInt64, UInt64, isWhole: Bool)
    }

    /// About a value that the destination does not have, or refuses.
    fileprivate var testOfSaved: BitsTest? {
        switch action {
        case .require, .ignore, .drop(nil): .always
        case .drop(let test?):
            .bits(test.mask ?? .max, test.value & (test.mask ?? .max), isWhole: test.mask == nil)
        case .acceptMasked, .override: nil
        }
    }

    /// About bits that are not as wanted.
    fileprivate var testOfDifference: BitsTest? {
        switch action {
        case .require, .ignore, .acceptMasked(nil): .always
        case .acceptMasked(let mask?): .bits(~mask, 0, isWhole: true)
        case .drop, .override: nil
        }
    }
}

extension RegisterValue {
    fileprivate var hasNothingAboveLowBits: Bool {
        bits != nil || replacingLowBits(with: 0).isZero
    }
}
