internal import Planning
internal import Reports

/// A result as rows of values, for spreadsheets, databases and filters of lines.
struct ReportRows {
    enum Value {
        case text(String)
        case number(Int)
        case causes([Cause])
    }

    /// What the values of each row are, in their order.
    let keys: [String]
    let values: [[Value]]

    /// An object on each line.
    func write(lines output: ReportWriter) throws {
        for row in values {
            var object = JSONObject.ofThisVersion
            for (key, value) in zip(keys, row) { object.add(key, value) }
            try object.write(to: JSONWriter(isCompact: true, output.write(data:)))
        }
    }

    /// RFC 4180, under a line with the names of the columns.
    func write(csv output: ReportWriter) {
        for row in [keys.map(Value.text)] + values {
            let cells = row.map { PrintableText("\($0.csv)") }
            output.write(data: cells.joined(separator: ",").string + "\r\n")
        }
    }
}

extension ReportRows.Value: JSONWritable {
    func write(to json: JSONWriter) throws {
        switch self {
        case .text(let text): text.write(to: json)
        case .number(let number): number.write(to: json)
        case .causes(let causes): try causes.write(to: json)
        }
    }

    /// Quoted where a comma or a quote is in it.
    fileprivate var csv: String {
        switch self {
        case .number(let number): "\(number)"
        case .text(let text): Self.quoted(text)
        case .causes(let causes): Self.quoted(causes.map(\.text).joined(separator: "; "))
        }
    }

    private static func quoted(_ text: String) -> String {
        guard text.utf8.contains(where: { "\",\r\n".utf8.contains($0) }) else { return text }
        let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
        return "\"" + parts.joined(separator: "\"\"") + "\""
    }
}
