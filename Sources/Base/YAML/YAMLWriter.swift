/// Writes values in block style, laid out as `kubectl get -o yaml` does.
struct YAMLWriter {
    private(set) var output = ""

    mutating func writeDocument(_ value: JSONValue) {
        switch value {
        case let .object(object) where !object.isEmpty: write(object, indent: 0)
        case let .array(elements) where !elements.isEmpty: write(elements, indent: 0)
        default:
            writeScalar(value, indent: 0)
            output += "\n"
        }
    }

    /// The members, the first right here (behind a `- `, say), the others on lines of their own.
    private mutating func write(_ object: JSONObject, indent: Int) {
        for (place, member) in object.enumerated() {
            if place > 0 { writeIndent(indent) }
            writeString(member.key, indent: indent, isKey: true)
            output += ":"
            switch member.value {
            case let .object(below) where !below.isEmpty:
                output += "\n"
                writeIndent(indent + 2)
                write(below, indent: indent + 2)
            case let .array(elements) where !elements.isEmpty:
                output += "\n"
                writeIndent(indent)
                write(elements, indent: indent)
            default:
                output += " "
                writeScalar(member.value, indent: indent)
                output += "\n"
            }
        }
    }

    private mutating func write(_ elements: [JSONValue], indent: Int) {
        for (place, element) in elements.enumerated() {
            if place > 0 { writeIndent(indent) }
            output += "- "
            switch element {
            case let .object(object) where !object.isEmpty: write(object, indent: indent + 2)
            case let .array(below) where !below.isEmpty: write(below, indent: indent + 2)
            default:
                writeScalar(element, indent: indent)
                output += "\n"
            }
        }
    }

    private mutating func writeIndent(_ indent: Int) { output += String(repeating: " ", count: indent) }

    private mutating func writeScalar(_ value: JSONValue, indent: Int) {
        switch value {
        case let .string(text): writeString(text, indent: indent, isKey: false)
        case let .double(number) where number.isNaN: output += ".nan"
        case let .double(number) where number.isInfinite: output += number < 0 ? "-.inf" : ".inf"
        default: output += JSON.encode(value)
        }
    }

    private mutating func writeString(_ text: String, indent: Int, isKey: Bool) {
        if !isKey, Self.canBeLiteral(text) {
            // `|` keeps one new line at the end, `|-` none.
            output += text.hasSuffix("\n") ? "|" : "|-"
            for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast(text.hasSuffix("\n") ? 1 : 0) {
                output += "\n"
                if !line.isEmpty {
                    writeIndent(indent + 2)
                    output += line
                }
            }
        } else {
            output += Self.canBePlain(text) ? text : JSON.encode(.string(text)).escapingForYAML
        }
    }

    /// Whether a text of several lines can stand as a literal block: printable, not starting with what would be taken for indentation, and with at most one new line at its end.
    private static func canBeLiteral(_ text: String) -> Bool {
        guard text.utf8.contains(0x0A), let first = text.utf8.first, first != 0x20, first != 0x0A, first != 0x09 else { return false }
        if text.hasSuffix("\n\n") { return false }
        return text.unicodeScalars.allSatisfy { $0 == "\n" || isPrintable($0) }
    }

    private static func canBePlain(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, let last = text.utf8.last, last != 0x20, last != UInt8(ascii: ":") else { return false }
        // Indicators, and what might start a document marker or a number that other readers know (`1:30`, `2026-04-11`).
        let startsPlainly = isLetter(first) || (0x30...0x39).contains(first.value) || first == "/" || first == "_" || first == "." || first == "("
        guard startsPlainly, case .string = YAMLScalar.resolve(text) else { return false }
        if (0x30...0x39).contains(first.value), text.utf8.allSatisfy({ (0x30...0x39).contains($0) || ":-_.TZ+ ".utf8.contains($0) }) { return false }
        if text.hasPrefix("...") || text == "=" || text == "<<" { return false }
        var previous: Unicode.Scalar = " "
        for scalar in text.unicodeScalars {
            if scalar == "#", previous == " " { return false }
            if scalar == " ", previous == ":" { return false }
            guard isPrintable(scalar), scalar != "\t" else { return false }
            previous = scalar
        }
        return true
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        (0x41...0x5A).contains(scalar.value) || (0x61...0x7A).contains(scalar.value) || isHighPrintable(scalar)
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool { scalar == "\t" || (0x20...0x7E).contains(scalar.value) || isHighPrintable(scalar) }

    /// Beyond ASCII, without controls, line separators, byte order marks and non-characters.
    private static func isHighPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }
}

extension String {
    /// JSON's strings are YAML's double-quoted ones, except that YAML wants more escaped.
    fileprivate var escapingForYAML: String {
        var result = ""
        for scalar in unicodeScalars {
            switch scalar.value {
            case 0x7F, 0x80...0x9F: result += "\\x" + String(scalar.value, radix: 16)
            case 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: result += "\\u" + String(scalar.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
