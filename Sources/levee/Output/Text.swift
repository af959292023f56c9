extension String {
    /// Filled up with blanks behind the text, by displayed width.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - displayWidth))
    }

    /// Filled up with blanks before the text.
    func leftPadded(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - displayWidth)) + self
    }

    /// How many terminal cells the text takes: East Asian wide characters and emoji take two.
    var displayWidth: Int {
        if utf8.allSatisfy({ $0 < 0x80 }) { return utf8.count }
        return reduce(into: 0) { width, character in
            width += character.unicodeScalars.contains(where: \.isWide) ? 2 : 1
        }
    }

    /// Cut to `width` cells, the last of them `…` when something was cut off.
    func truncated(to width: Int) -> String {
        if displayWidth <= width { return self }
        var result = ""
        var used = 0
        for character in self {
            let cells = character.unicodeScalars.contains(where: \.isWide) ? 2 : 1
            if used + cells > width - 1 { break }
            result.append(character)
            used += cells
        }
        return result + "…"
    }

    /// With control characters written out, so that data cannot move the cursor, colour the terminal or break a table's lines.
    var withoutControlCharacters: String {
        if !unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.properties.generalCategory == .control: text += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}

extension Unicode.Scalar {
    /// The blocks that Unicode's East Asian Width calls wide or full-width, and emoji shown as pictures.
    fileprivate var isWide: Bool {
        switch value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            true
        default: false
        }
    }
}
