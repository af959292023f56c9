import Glibc
import Testing

@testable import Operator

/// The pages of the kinds name every reason that a status can have.
@Suite struct ReasonPageTests {
    private static func page(_ name: String) throws -> String {
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let file = try #require(fopen("/\(root)/docs/kinds/\(name).md", "r"))
        defer { fclose(file) }
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while case let count = fread(&piece, 1, piece.count, file), count > 0 { text += piece[..<count] }
        return String(decoding: text, as: UTF8.self)
    }

    @Test func decisionsAreExplained() throws {
        let pages = try ["deltatable", "tableclone"].map(Self.page).joined()
        let missing = DecisionReason.allCases.map(\.rawValue).filter { !pages.contains("`\($0)`") }
        #expect(missing.isEmpty)
    }

    @Test func conditionsAreExplained() throws {
        let pages = try ["storageprofile", "deltatable", "maintenancepolicy", "tableclone", "tableoperation"].map(Self.page).joined()
        // `Healthy` has the first two; the last three say the phase once more.
        let plain: Set<ConditionReason> = [.noFindings, .findings, .succeeded, .cancelled]
        let missing = ConditionReason.allCases.filter { !plain.contains($0) && !pages.contains("`\($0.rawValue)`") }
        #expect(missing.isEmpty)
    }
}
