import Base
import Columnar

extension BoundExpression.Node {
    /// The value for one row, by SQL's three-valued logic: nil is NULL.
    func evaluate(_ column: (Int) -> Scalar?) throws(ExpressionError) -> Scalar? {
        switch self {
        case let .constant(value): return value
        case let .column(index): return column(index)
        case let .not(operand):
            guard let value = try operand.truth(column) else { return nil }
            return .bool(!value)
        case let .and(operands): return try Self.junction(operands, neutral: true, column)
        case let .or(operands): return try Self.junction(operands, neutral: false, column)
        case let .compare(comparison, left, right):
            guard let left = try left.evaluate(column), let right = try right.evaluate(column) else { return nil }
            guard let order = Scalar.compare(left, right) else { throw .evaluation(message: "\(left) and \(right) cannot be compared") }
            return .bool(comparison.holds(order))
        case let .nullSafeEqual(left, right): return .bool(try left.evaluate(column) == right.evaluate(column))
        case let .between(operand, low, high): return try Self.range(operand, low, high, column)
        case let .inList(operand, values, others): return try Self.membership(operand, values, others, column)
        case let .like(text, pattern, caseInsensitive):
            guard case let .string(text)? = try text.evaluate(column), case let .string(pattern)? = try pattern.evaluate(column) else { return nil }
            return .bool(Like.matches(text, pattern: pattern, caseInsensitive: caseInsensitive))
        case let .isNull(operand): return .bool(try operand.evaluate(column) == nil)
        case let .isBoolean(operand, wanted): return .bool(try operand.truth(column) == wanted)
        case let .cast(operand, type, orNull):
            guard let value = try operand.evaluate(column) else { return nil }
            if let result = Cast.convert(value, to: type) { return result }
            if orNull { return nil }
            throw .evaluation(message: "'\(value)' cannot be cast to \(type); TRY_CAST gives NULL instead")
        case let .arithmetic(kind, left, right, type):
            guard let left = try left.evaluate(column), let right = try right.evaluate(column) else { return nil }
            return try Calculation.result(kind, left, right, type)
        case let .addInterval(operand, interval):
            guard let value = try operand.evaluate(column) else { return nil }
            guard let result = interval.added(to: value) else { throw .evaluation(message: "a date or timestamp plus an interval is out of range") }
            return result
        case let .conditional(branches, otherwise):
            for branch in branches where try branch.condition.truth(column) == true { return try branch.result.evaluate(column) }
            return try otherwise.evaluate(column)
        case let .choice(subject, branches, otherwise):
            let subject = try subject.evaluate(column)
            for branch in branches {
                if let subject, let value = try branch.value.evaluate(column), subject == value { return try branch.result.evaluate(column) }
            }
            return try otherwise.evaluate(column)
        case let .call(function, arguments): return try Self.call(function, arguments, column)
        }
    }

    private func truth(_ column: (Int) -> Scalar?) throws(ExpressionError) -> Bool? {
        if case let .bool(value)? = try evaluate(column) { value } else { nil }
    }

    /// AND (`neutral` true) or OR: the other truth value decides at once, else NULL where any operand is NULL.
    private static func junction(_ operands: [Self], neutral: Bool, _ column: (Int) -> Scalar?) throws(ExpressionError) -> Scalar? {
        var sawNull = false
        for operand in operands {
            guard let value = try operand.truth(column) else {
                sawNull = true
                continue
            }
            if value != neutral { return .bool(!neutral) }
        }
        return sawNull ? nil : .bool(neutral)
    }

    /// At least `low` and at most `high`: false as soon as one of them says so, NULL where one is NULL and the other does not.
    private static func range(_ operand: Self, _ low: Self, _ high: Self, _ column: (Int) -> Scalar?) throws(ExpressionError) -> Scalar? {
        guard let value = try operand.evaluate(column) else { return nil }
        var sawNull = false
        for (bound, comparison) in [(low, Scalar.Comparison.greaterOrEqual), (high, .lessOrEqual)] {
            guard let bound = try bound.evaluate(column) else {
                sawNull = true
                continue
            }
            guard let order = Scalar.compare(value, bound) else { throw .evaluation(message: "\(value) and \(bound) cannot be compared") }
            if !comparison.holds(order) { return .bool(false) }
        }
        return sawNull ? nil : .bool(true)
    }

    private static func membership(
        _ operand: Self, _ values: Set<Scalar>, _ others: [Self], _ column: (Int) -> Scalar?
    ) throws(ExpressionError) -> Scalar? {
        guard let value = try operand.evaluate(column) else { return nil }
        if values.contains(value) { return .bool(true) }
        var sawNull = false
        for other in others {
            guard let candidate = try other.evaluate(column) else {
                sawNull = true
                continue
            }
            if candidate == value { return .bool(true) }
        }
        return sawNull ? nil : .bool(false)
    }

    private static func call(_ function: Function, _ arguments: [Self], _ column: (Int) -> Scalar?) throws(ExpressionError) -> Scalar? {
        if function.takesNull {
            for argument in arguments { if let value = try argument.evaluate(column) { return value } }
            return nil
        }
        var values: [Scalar] = []
        for argument in arguments {
            guard let value = try argument.evaluate(column) else { return nil }
            values.append(value)
        }
        return try function.compute(values)
    }
}

extension Interval {
    /// The value moved by months (a day past a month's end becomes its last), then days, then the time of day. Nil when it leaves the range.
    func added(to value: Scalar) -> Scalar? {
        let dayLength: Int64 = 86_400_000_000
        func moved(day: Int64) -> Int64? {
            let date = CivilDate(daysSinceEpoch: day)
            let (total, overflow) = (date.year * 12 + Int64(date.month) - 1).addingReportingOverflow(months)
            if overflow { return nil }
            let year = total.flooredQuotient(12)
            let month = Int(total - year * 12) + 1
            guard (-10_000_000...10_000_000).contains(year),
                let target = CivilDate(year: year, month: month, day: min(date.day, CivilDate.daysInMonth(month, year: year)))
            else { return nil }
            let (sum, overflowed) = target.daysSinceEpoch.addingReportingOverflow(days)
            return overflowed ? nil : sum
        }
        func moved(instant: Int64) -> Int64? {
            let day = instant.flooredQuotient(dayLength)
            guard let target = moved(day: day) else { return nil }
            let (start, overflow) = target.multipliedReportingOverflow(by: dayLength)
            let (local, overflowed) = start.addingReportingOverflow(instant - day * dayLength)
            let (result, overflows) = local.addingReportingOverflow(microseconds)
            return overflow || overflowed || overflows ? nil : result
        }
        switch value {
        case let .date(day): return moved(day: Int64(day)).flatMap { Int32(exactly: $0) }.map { .date($0) }
        case let .timestamp(instant): return moved(instant: instant).map { .timestamp($0) }
        case let .timestampNTZ(reading): return moved(instant: reading).map { .timestampNTZ($0) }
        default: return nil
        }
    }
}
