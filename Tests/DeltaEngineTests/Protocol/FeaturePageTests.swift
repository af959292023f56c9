import Foundation
import Testing

@testable import DeltaEngine

/// docs/table-features.md shows what the registry says; the two must not drift.
@Suite struct FeaturePageTests {
    private static let columns: [(title: String, access: Access)] = [
        ("read", .read), ("append", .append), ("change rows", .rewrite), ("delete rows", .delete), ("optimize", .maintain), ("restore", .restore),
        ("clone", .clone), ("vacuum", .vacuum),
        ("checkpoint", .checkpoint), ("change metadata", .metadataChange), ("properties", .properties), ("manifest", .manifest),
    ]

    private static func cell(_ feature: TableFeature, _ access: Access) -> String {
        // A writer feature asks nothing of readers.
        if feature.kind == .writer, access == .read || access == .manifest { return "yes" }
        switch feature.support(for: access) {
        case .supported: return "yes"
        case .supportedUnused: return "unless used"
        case .refused: return "no"
        }
    }

    private static func reasons(_ feature: TableFeature) -> String {
        var reasons: [String] = []
        for access in Access.allCases {
            switch feature.support(for: access) {
            case .supported: continue
            case let .supportedUnused(reason), let .refused(reason): if !reasons.contains(reason) { reasons.append(reason) }
            }
        }
        return reasons.joined(separator: "; ")
    }

    static var table: String {
        var lines = ["| feature | \(columns.map(\.title).joined(separator: " | ")) | why not |"]
        lines.append("|" + String(repeating: "---|", count: columns.count + 2))
        for feature in TableFeature.all.sorted(by: { $0.name < $1.name }) {
            lines.append("| `\(feature.name)` | \(columns.map { cell(feature, $0.access) }.joined(separator: " | ")) | \(reasons(feature)) |")
        }
        return lines.joined(separator: "\n")
    }

    @Test func pageShowsTheRegistry() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../..").standardized
        let page = root.appendingPathComponent("docs/table-features.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        #expect(text.contains(Self.table), "docs/table-features.md should hold:\n\(Self.table)")
    }
}
