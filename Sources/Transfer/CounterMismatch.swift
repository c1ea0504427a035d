public import VCPUModel

/// A host whose counter runs at another speed than the guest's: the guest's clock goes wrong there.
public struct CounterMismatch: Hashable, Sendable {
    /// The guest's frequency, in Hz.
    public var guest: UInt64
    /// The host's frequency, in Hz.
    public var host: UInt64
    /// Why the policy does not count it; nil when it does.
    public var pardon: Pardon?

    /// Whether the policy counts it.
    public var isLoss: Bool { pardon == nil }

    /// Compares the counter frequencies of a guest and a host.
    /// - Parameters:
    ///   - guest: where the guest comes from.
    ///   - host: CNTFRQ_EL0 of the host, in Hz.
    /// - Returns: nil when the frequencies are the same, or one is not known.
    public init?(of guest: Provenance, on host: UInt64?, policy: RestorePolicy) {
        guard let own = guest.counterFrequency, let host, own != host else { return nil }
        self.guest = own
        self.host = host
        pardon = policy.counterFrequencyPardon
    }
}
