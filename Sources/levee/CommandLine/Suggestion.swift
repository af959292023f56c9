/// "Did you mean": the known name nearest to a mistyped one.
enum Suggestion {
    /// `; did you mean X?`, or nothing when no name is near.
    static func phrase(for word: String, among names: [String]) -> String {
        let nearest = names.map { (name: $0, distance: distance(word, $0)) }.min { $0.distance < $1.distance }
        if let nearest, nearest.distance <= max(2, word.count / 3) { return "; did you mean \(nearest.name)?" }
        // A person often writes a part of the name: --size for --target-file-size.
        let bare = word.drop { $0 == "-" }
        if bare.count >= 3, let containing = names.first(where: { $0.contains(bare) }) { return "; did you mean \(containing)?" }
        return ""
    }

    /// The edit distance: insertions, deletions and replacements, and swaps of neighbours.
    static func distance(_ left: String, _ right: String) -> Int {
        let a = Array(left.unicodeScalars)
        let b = Array(right.unicodeScalars)
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, beforeLast[j - 1] + 1) }
                row.append(best)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
