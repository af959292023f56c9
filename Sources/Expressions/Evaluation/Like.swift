/// SQL's LIKE: `%` is any run of characters, `_` any one, a backslash takes the next literally.
enum Like {
    static func matches(_ text: String, pattern: String, caseInsensitive: Bool) -> Bool {
        let text = Array((caseInsensitive ? text.lowercased() : text).unicodeScalars)
        let pattern = parts(of: caseInsensitive ? pattern.lowercased() : pattern)
        // Greedy with one point to fall back to, the last `%`: time is at most text × pattern, whatever the pattern.
        var textIndex = 0
        var patternIndex = 0
        var resume: (text: Int, pattern: Int)?
        while textIndex < text.count {
            if patternIndex < pattern.count, pattern[patternIndex] == .anyRun {
                resume = (textIndex, patternIndex)
                patternIndex += 1
            } else if patternIndex < pattern.count, pattern[patternIndex].accepts(text[textIndex]) {
                textIndex += 1
                patternIndex += 1
            } else if let (start, run) = resume {
                resume = (start + 1, run)
                textIndex = start + 1
                patternIndex = run + 1
            } else {
                return false
            }
        }
        return pattern[patternIndex...].allSatisfy { $0 == .anyRun }
    }

    /// What every text that matches begins with.
    static func prefix(of pattern: String) -> String {
        var prefix = String.UnicodeScalarView()
        for case let .exactly(scalar) in parts(of: pattern).prefix(while: { $0 != .anyRun && $0 != .anyOne }) { prefix.append(scalar) }
        return String(prefix)
    }

    private enum Part: Equatable {
        case anyRun
        case anyOne
        case exactly(Unicode.Scalar)

        func accepts(_ scalar: Unicode.Scalar) -> Bool {
            switch self {
            case .anyRun: false
            case .anyOne: true
            case let .exactly(own): own == scalar
            }
        }
    }

    private static func parts(of pattern: String) -> [Part] {
        var parts: [Part] = []
        var escaped = false
        for scalar in pattern.unicodeScalars {
            if escaped {
                parts.append(.exactly(scalar))
                escaped = false
            } else if scalar == "\\" {
                escaped = true
            } else {
                parts.append(scalar == "%" ? .anyRun : scalar == "_" ? .anyOne : .exactly(scalar))
            }
        }
        return parts
    }
}
