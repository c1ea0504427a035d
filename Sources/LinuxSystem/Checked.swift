/// A number that is worked out from numbers somebody else wrote: offsets, sizes and counts of a file or of
/// another program.
///
/// Every operation is defined for all operands. A result that does not fit is not there, and neither is
/// anything that is worked out from it, so only the end has to be looked at:
///
///     let end = try (Checked(offset) + Checked(count) * 16).value(or: MyError.tooLarge)
///
/// Numbers of a program's own, such as the length of an array in memory and the size of a field, need
/// none of this. What is inlinable here is so because parsers do it for every byte of what they search.
public struct Checked<Number: FixedWidthInteger & Sendable>: Hashable, Sendable {
    /// Nil where a result on the way did not fit.
    public let value: Number?

    /// A number that is known to fit, such as one that a program just read.
    @inlinable
    public init(_ number: Number) {
        value = number
    }

    /// A number of another type; not there where it does not fit.
    @inlinable
    public init(_ number: some BinaryInteger) {
        value = Number(exactly: number)
    }

    @inlinable
    init(_ result: (partialValue: Number, overflow: Bool)) {
        value = result.overflow ? nil : result.partialValue
    }

    @inlinable
    init() {
        value = nil
    }

    /// The number.
    /// - Throws: `failure` where it is not there.
    @inlinable
    public func value<Failure: Error>(
        or failure: @autoclosure () -> Failure
    ) throws(Failure) -> Number {
        guard let value else { throw failure() }
        return value
    }
}

extension Checked: ExpressibleByIntegerLiteral {
    /// An integer literal, so that `checked * 16` needs no conversion.
    @inlinable
    public init(integerLiteral literal: Number.IntegerLiteralType) {
        self.init(Number(integerLiteral: literal))
    }
}

extension Checked {
    /// The sum; not there where it overflows or an operand is not there.
    @inlinable
    public static func + (left: Checked, right: Checked) -> Checked {
        combine(left, right) { $0.addingReportingOverflow($1) }
    }

    /// The difference; not there where it overflows (below 0 for unsigned numbers) or an operand is not there.
    @inlinable
    public static func - (left: Checked, right: Checked) -> Checked {
        combine(left, right) { $0.subtractingReportingOverflow($1) }
    }

    /// The product; not there where it overflows or an operand is not there.
    @inlinable
    public static func * (left: Checked, right: Checked) -> Checked {
        combine(left, right) { $0.multipliedReportingOverflow(by: $1) }
    }

    /// The number times 2 to the power of `distance`.
    ///
    /// The result is not there where it overflows, or where `distance` is negative or not less than the number of bits.
    @inlinable
    public static func << (left: Checked, distance: some BinaryInteger) -> Checked {
        guard let number = left.value, 0..<Number.bitWidth ~= Int(clamping: distance) else {
            return Checked()
        }
        let result = number << distance
        return result >> distance == number ? Checked(result) : Checked()
    }

    @inlinable
    static func combine(
        _ left: Checked, _ right: Checked,
        _ operation: (Number, Number) -> (partialValue: Number, overflow: Bool)
    ) -> Checked {
        guard let left = left.value, let right = right.value else { return Checked() }
        return Checked(operation(left, right))
    }
}

extension Range where Bound: FixedWidthInteger & Sendable {
    /// `count` places from `start` on; nil unless they are all inside `whole`.
    @inlinable
    public init?(at start: Bound, count: some BinaryInteger, inside whole: Range<Bound>) {
        guard let end = (Checked<Bound>(start) + Checked<Bound>(count)).value,
            whole.lowerBound <= start, start <= end, end <= whole.upperBound
        else { return nil }
        self = start..<end
    }
}
