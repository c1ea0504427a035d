extension [String] {
    /// `a, b, c`; `a, b and 40 more` where there are more than `most`.
    package func listed(atMost most: Int) -> String {
        let named = prefix(most).joined(separator: ", ")
        return count > most ? "\(named) and \(count - most) more" : named
    }
}
