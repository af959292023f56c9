import Base
import Testing

@Suite struct RandomTests {
    @Test func seedsRepeat() {
        let first = SeededRandomSource(seed: 42)
        let second = SeededRandomSource(seed: 42)
        #expect((0..<100).map { _ in first.next() } == (0..<100).map { _ in second.next() })
        #expect((0..<1000).allSatisfy { _ in (0..<7).contains(first.integer(below: 7)) })
        #expect(first.integer(below: 0) == 0)
        #expect((0..<1000).allSatisfy { _ in (0..<1).contains(first.fraction()) })
    }

    @Test func uuidsAreVersion4AndRoundTrip() throws {
        let random = SeededRandomSource(seed: 1)
        var seen: Set<UUID> = []
        for _ in 0..<100 {
            let uuid = UUID.v4(random)
            let text = Array(uuid.description)
            #expect(text[14] == "4" && "89ab".contains(text[19]))
            #expect(UUID(uuid.description) == uuid)
            #expect(UUID(uuid.description.uppercased()) == uuid)
            seen.insert(uuid)
        }
        #expect(seen.count == 100)
        #expect(try JSON.decode(UUID.self, from: "\"f81d4fae-7dec-11d0-a765-00a0c91e6bf6\"").description == "f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
    }

    @Test(arguments: [
        "", "f81d4fae-7dec-11d0-a765-00a0c91e6bf", "f81d4fae-7dec-11d0-a765-00a0c91e6bfg", "f81d4fae07dec-11d0-a765-00a0c91e6bf6",
        "{81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    ])
    func refusesWhatIsNoUUID(text: String) {
        #expect(UUID(text) == nil)
    }
}
