extension [String] {
    /// The names, with `~2` and so on after those that others before have.
    package func madeDistinct() -> [String] {
        var used = Set(self)
        var seen: Set<String> = []
        return map { name in
            guard !seen.insert(name).inserted else { return name }
            var number = 2
            while used.contains("\(name)~\(number)") { number += 1 }
            used.insert("\(name)~\(number)")
            return "\(name)~\(number)"
        }
    }
}
