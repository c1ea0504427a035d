/// For how long a VM stood still.
enum StandstillText {
    /// In milliseconds, with one decimal: `2.4`.
    static func milliseconds(_ microseconds: Int64) -> String {
        let (hundreds, rest) = microseconds.quotientAndRemainder(dividingBy: 100)
        let tenths = hundreds + (rest >= 50 ? 1 : 0)
        return "\(tenths / 10).\(tenths % 10)"
    }
}
