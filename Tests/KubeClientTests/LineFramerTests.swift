import Base
import Testing

@testable import KubeClient

struct LineFramerTests {
    @Test(arguments: 0..<50)
    func cutsTheSameLinesWhereverThePiecesEnd(seed: UInt64) throws {
        let random = SeededRandomSource(seed: seed)
        let lines = (0..<20).map { _ in String(repeating: ["x", "é", "日本", "{\"a\":1}", ""][random.integer(below: 5)], count: random.integer(below: 6)) }
        let text = Bytes(lines.joined(separator: "\n") + "\ncut")
        var framer = LineFramer(limit: 1000)
        var found: [String] = []
        var offset = 0
        while offset < text.count {
            let size = 1 + random.integer(below: 7)
            framer.append(text.dropFirst(offset).prefix(size))
            offset += size
            while let line = try framer.next() { found.append(line.text) }
        }
        #expect(found == lines, "seed \(seed)")
        #expect(framer.takePartial()?.text == "cut", "seed \(seed)")
        #expect(framer.takePartial() == nil)
    }

    @Test(arguments: ["0123456789\n", "0123456789"])
    func refusesLinesBeyondTheLimit(line: String) {
        var framer = LineFramer(limit: 9)
        framer.append(Bytes("01234\n01234"))
        #expect((try? framer.next())?.text == "01234")
        #expect((try? framer.next()) == .some(nil))
        framer.append(Bytes(line))
        #expect(throws: LineFramer.LineTooLong.self) { try framer.next() }
    }
}
