import Base

extension Scalar {
    public enum Order: Sendable, Hashable {
        case ascending, equal, descending
    }

    /// How two values of one type compare, as Spark orders them: NaN is equal to itself and above all else, -0.0 equals 0.0, text and binaries
    /// by unsigned bytes, decimals by number whatever their scales. Nil for values of different or unordered types.
    public static func compare(_ left: Scalar, _ right: Scalar) -> Order? {
        switch (left, right) {
        case let (.bool(l), .bool(r)): order(l ? 1 : 0, r ? 1 : 0)
        case let (.integer(l), .integer(r)): order(l, r)
        case let (.float(l), .float(r)): orderFloats(l, r)
        case let (.double(l), .double(r)): orderFloats(l, r)
        case let (.decimal(l, leftScale), .decimal(r, rightScale)): orderDecimals(l, leftScale, r, rightScale)
        case let (.string(l), .string(r)): orderText(l, r)
        case let (.binary(l), .binary(r)): orderBytes(l, r)
        case let (.date(l), .date(r)): order(l, r)
        case let (.timestamp(l), .timestamp(r)): order(l, r)
        case let (.timestampNTZ(l), .timestampNTZ(r)): order(l, r)
        default: nil
        }
    }

    private static func order<Value: Comparable>(_ left: Value, _ right: Value) -> Order {
        left < right ? .ascending : (left == right ? .equal : .descending)
    }

    private static func orderFloats<Value: BinaryFloatingPoint>(_ left: Value, _ right: Value) -> Order {
        if left.isNaN || right.isNaN { return left.isNaN && right.isNaN ? .equal : (left.isNaN ? .descending : .ascending) }
        return order(left, right)
    }

    /// Compares whole parts, then fractions brought to one scale, which cannot overflow at scales up to 38 as scaling up the whole number could.
    private static func orderDecimals(_ left: Int128, _ leftScale: Int, _ right: Int128, _ rightScale: Int) -> Order {
        if leftScale == rightScale { return order(left, right) }
        let (leftWhole, leftFraction) = split(left, leftScale)
        let (rightWhole, rightFraction) = split(right, rightScale)
        if leftWhole != rightWhole { return order(leftWhole, rightWhole) }
        let common = max(leftScale, rightScale)
        return order(leftFraction &* powerOfTen(common - leftScale), rightFraction &* powerOfTen(common - rightScale))
    }

    private static func split(_ unscaled: Int128, _ scale: Int) -> (Int128, Int128) {
        let (whole, fraction) = unscaled.quotientAndRemainder(dividingBy: powerOfTen(scale))
        return (whole, fraction)
    }

    /// 10 to the power of `exponent`, which is cut to 0...38: what fits.
    private static func powerOfTen(_ exponent: Int) -> Int128 {
        var result: Int128 = 1
        for _ in 0..<min(max(exponent, 0), DataType.maximumDecimalPrecision) { result *= 10 }
        return result
    }

    private static func orderText(_ left: String, _ right: String) -> Order {
        if left.utf8.elementsEqual(right.utf8) { return .equal }
        return left.utf8.lexicographicallyPrecedes(right.utf8) ? .ascending : .descending
    }

    private static func orderBytes(_ left: Bytes, _ right: Bytes) -> Order {
        left.withUnsafeBytes { l in
            right.withUnsafeBytes { r in
                if l.elementsEqual(r) { return .equal }
                return l.lexicographicallyPrecedes(r) ? .ascending : .descending
            }
        }
    }
}
