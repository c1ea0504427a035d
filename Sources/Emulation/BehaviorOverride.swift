public import Registers

/// What one host does with a register where that is not what the dictionary says of its kernel.
public struct BehaviorOverride: Hashable, Sendable {
    /// How writes are taken.
    ///
    /// A profile cannot state `constrained`: its rule is not in the class.
    public var behaviorClass: Behavior.Class
    /// The bits a write can change, for the class `sanitised`; nil for the other classes.
    public var mask: UInt64?

    /// An override for one register; `mask` goes only with the class `sanitised`.
    public init(_ behaviorClass: Behavior.Class, mask: UInt64? = nil) {
        self.behaviorClass = behaviorClass
        self.mask = mask
    }

    /// The classes a profile may state, by the word it uses.
    static let classes: [(word: String, behaviorClass: Behavior.Class)] =
        Behavior.Class.allCases.filter { $0 != .constrained }.map { ($0.rawValue, $0) }
}
