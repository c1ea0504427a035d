/// A policy with the text that it was read from.
public struct LoadedPolicy: Sendable {
    /// What the text says.
    public let policy: RestorePolicy
    /// The file's text, with its comments; nil for a preset.
    public let text: String?

    /// A preset.
    public init(_ preset: RestorePolicy.Preset) {
        self.init(RestorePolicy(preset), text: nil)
    }

    /// A policy that was read.
    public init(_ policy: RestorePolicy, text: String?) {
        self.policy = policy
        self.text = text
    }
}
