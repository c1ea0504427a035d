/// Changes a text of lines of words: of whole lines, of words, and of characters.
func mutatedLines(_ bytes: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
        Array($0)
    }
    let place = random.below(lines.count)
    let other = random.below(lines.count)
    switch random.below(8) {
    case 0: return mutated(bytes, most: most)
    case 1: lines.remove(at: place)
    case 2: lines.insert(lines[other], at: place)
    case 3: lines.swapAt(place, other)
    case 4: lines[place] = mutated(lines[place], most: 200)
    default: lines[place] = mutatedWord(of: lines[place], from: lines[other], &random)
    }
    return Array(Array(lines.joined(separator: [UInt8(ascii: "\n")])).prefix(most))
}

/// Changes a word, to one of another line, or to a number.
private func mutatedWord(of line: [UInt8], from other: [UInt8], _ random: inout Random) -> [UInt8] {
    let space = UInt8(ascii: " ")
    var words = line.split(separator: space, omittingEmptySubsequences: false).map { Array($0) }
    let others = other.split(separator: space).map { Array($0) }
    let place = random.below(words.count)
    switch random.below(4) {
    case 0 where !others.isEmpty: words[place] = others[random.below(others.count)]
    case 1: words[place] = mutated(words[place], most: 64)
    case 2: words[place] = Array(String(random.number()).utf8)
    default: words[place] = Array(("0x" + String(random.number(), radix: 16)).utf8)
    }
    return Array(words.joined(separator: [space]))
}
