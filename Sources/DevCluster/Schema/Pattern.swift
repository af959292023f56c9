/// A `pattern`, compiled once. Unanchored, as in JSON Schema.
struct Pattern: @unchecked Sendable {
    // Safe to share: a compiled `Regex` is immutable; it merely lacks the annotation because transforms in literals may capture anything, and there are none here.
    private let regex: Regex<AnyRegexOutput>
    let text: String

    /// Nil where the text is no regular expression.
    init?(_ text: String) {
        guard let regex = try? Regex(text) else { return nil }
        self.text = text
        // RE2, which the API server uses, matches code points, not grapheme clusters.
        self.regex = regex.matchingSemantics(.unicodeScalar)
    }

    func matches(_ value: String) -> Bool {
        (try? regex.firstMatch(in: value)) != nil
    }
}
