internal import TextFormats

/// How files of JSON are told from one another, and parsed.
enum JSONText {
    /// Whether a text begins with an object whose first member has one of these names.
    static func names(_ prefix: [UInt8], _ names: [String]) -> Bool {
        guard let first = JSONValue.nameOfFirstMember(prefix) else { return false }
        return names.contains { first.elementsEqual($0.utf8) }
    }

    /// The value that a text is.
    /// - Throws: where it is none.
    static func parse(
        _ text: [UInt8], of part: String = "the file", at offset: Int? = nil
    ) throws(VMMFileError) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue(parsing: text)
        } catch {
            throw .damaged(
                part, at: offset ?? error.offset, expected: "JSON",
                found: offset == nil
                    ? error.problem : "\(error.problem) at byte \(error.offset) of it")
        }
    }
}

extension JSONValue {
    /// What is below these names, each in the object of the one before.
    /// - Throws: where one is not there.
    func node(_ names: String..., of part: String) throws(VMMFileError) -> JSONValue {
        var result = self
        for name in names {
            guard let next = result[name] else {
                throw .damaged(
                    part, at: result.range.lowerBound, expected: "an object with \"\(name)\"",
                    found: "none")
            }
            result = next
        }
        return result
    }
}
