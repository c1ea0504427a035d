/// Changes a QEMU stream and lets the length of its description fit again.
func mutatedStream(_ stream: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
    guard let start = descriptionStart(stream) else { return mutated(stream, most: most) }
    var sections = Array(stream[..<(start - 5)])
    var text = Array(stream[start...])
    switch random.below(8) {
    case 0: return mutated(stream, most: most)
    case 1: text = mutated(text, most: max(16, most - start))
    case 2...3: text = mutatedJSON(text, &random)
    case 4: sections = mutated(sections, most: max(16, most - text.count))
    default:
        for _ in 0...random.below(4) { mutateSections(&sections, &random) }
    }
    return bytes(sections, [6], .big(UInt64(text.count), 4), text)
}

/// Where the description begins: behind its mark and length, which reaches to the end.
private func descriptionStart(_ bytes: [UInt8]) -> Int? {
    let brace = UInt8(ascii: "{")
    return bytes.indices.dropFirst(5).first { place in
        bytes[place] == brace && bytes[place - 5] == 6
            && Int(bytes.big(4, at: place - 4)) == bytes.count - place
    }
}

private func mutateSections(_ bytes: inout [UInt8], _ random: inout Random) {
    guard bytes.count > 16 else { return }
    let place = random.below(bytes.count)
    switch random.below(5) {
    case 0: bytes[place] ^= 1 << UInt8(random.below(8))
    case 1: bytes.setBig(random.number(), 4, at: place)
    case 2: bytes.setBig(random.number(), 8, at: place)
    case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(64)))
    default:
        let from = random.below(bytes.count)
        bytes.insert(
            contentsOf: bytes[from..<min(bytes.count, from + 1 + random.below(600))], at: place)
    }
}

/// Changes a number, a name or an object of a JSON text.
func mutatedJSON(_ text: [UInt8], _ random: inout Random) -> [UInt8] {
    guard !text.isEmpty else { return text }
    let start = random.below(text.count)
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    switch random.below(4) {
    case 0...1:
        guard let first = text[start...].firstIndex(where: { digits.contains($0) }) else {
            return text
        }
        let end = text[first...].firstIndex { !digits.contains($0) } ?? text.endIndex
        let number = random.once(in: 2) ? random.number() : UInt64(random.below(1024))
        return bytes(Array(text[..<first]), Array(String(number).utf8), Array(text[end...]))
    case 2:
        guard let (first, end) = objectRange(text, from: start) else { return text }
        if random.once(in: 2) {
            let rest = text[end...].drop { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: " ") }
            return Array(text[..<first]) + Array(rest)
        }
        return bytes(Array(text[..<end]), [UInt8(ascii: ",")], Array(text[first...]))
    default:
        let quote = UInt8(ascii: "\"")
        guard let first = text[start...].firstIndex(of: quote),
            let end = text[(first + 1)...].firstIndex(of: quote)
        else { return text }
        let name = mutated(Array(text[(first + 1)..<end]), most: 64)
        return bytes(Array(text[...first]), name, Array(text[end...]))
    }
}

private func objectRange(_ text: [UInt8], from start: Int) -> (Int, Int)? {
    guard let first = text[start...].firstIndex(of: UInt8(ascii: "{")) else { return nil }
    var depth = 0
    for place in first..<text.count {
        if text[place] == UInt8(ascii: "{") { depth += 1 }
        if text[place] == UInt8(ascii: "}") { depth -= 1 }
        if depth == 0 { return (first, place + 1) }
    }
    return nil
}
