/// A list that is closed until somebody asks for it; many plans have the same.
struct PlanList: Hashable {
    /// A list with more lines is worth closing.
    static let longestOpen = 3

    /// HTML that says what is in it.
    var summary: String
    var html: String
    /// Whether it is short enough to be open from the start.
    var isShort: Bool

    static func table(_ head: [String], _ bodies: String) -> String {
        let cells = head.map { "<th scope=\"col\">\($0)</th>" }
        return "<table>\n<thead><tr>\(cells.joined())</tr></thead>\n\(bodies)</table>\n"
    }
}

/// The lists of a page's plans; equal ones are kept once.
///
/// Every plan is complete in itself, unless that makes a page too large to be opened: then a long
/// list that several plans have stands in the first of them, and the others lead there.
struct PlanLists {
    /// How many bytes of lists a browser opens without delay.
    private static let comfortableSize = 8 << 20
    /// Below it a list is as good as a link to it.
    private static let smallestShared = 512

    private var lists: [PlanList] = []
    private var numbers: [PlanList: Int] = [:]
    /// The lists that are written once.
    private var shared: Set<Int> = []
    /// The plans in which those that are already written stand.
    private var places: [Int: Int] = [:]

    mutating func number(of list: PlanList) -> Int {
        if let number = numbers[list] { return number }
        numbers[list] = lists.count
        lists.append(list)
        return lists.count - 1
    }

    /// Decides which lists are written once.
    /// - Parameter uses: the number of each list as often as a plan has it.
    mutating func share(uses: some Sequence<Int>) {
        var counts = Array(repeating: 0, count: lists.count)
        for number in uses { counts[number] += 1 }
        let size = zip(lists, counts).reduce(0) { $0 + $1.0.html.utf8.count * $1.1 }
        guard size > Self.comfortableSize else { return }
        for (number, count) in counts.enumerated()
        where count > 1 && lists[number].html.utf8.count >= Self.smallestShared {
            shared.insert(number)
        }
    }

    /// A list as it stands in the next plan to be written.
    mutating func html(of number: Int, inPlan plan: Int) -> String {
        let list = lists[number]
        guard shared.contains(number) else { return list.details(isOpen: list.isShort) }
        if let place = places[number] {
            return "<p><a href=\"#l\(number + 1)\">\(list.summary)</a>, as in plan \(place)</p>\n"
        }
        places[number] = plan
        return list.details(anchor: " id=\"l\(number + 1)\"", isOpen: true)
    }
}

extension PlanList {
    /// Open where links lead to it: not every browser opens what is closed.
    fileprivate func details(anchor: String = "", isOpen: Bool) -> String {
        "<details\(anchor)\(isOpen ? " open" : "")><summary>\(summary)</summary>\n"
            + "<div>\(html)</div></details>\n"
    }
}
