import Base
import Testing

@testable import ObjectStore

@Suite struct XMLReaderTests {
    static func events(_ text: String) throws -> [XMLReader.Event] {
        var reader = XMLReader(Bytes(text))
        var events: [XMLReader.Event] = []
        while let event = try reader.next() { events.append(event) }
        return events
    }

    @Test func elementsTextsAndReferencesAreRead() throws {
        let text = """
            \u{FEFF}<?xml version="1.0" encoding="UTF-8"?>
            <!-- a > comment --><s3:List xmlns="http://s3/" a='>'>
              <Key>a&amp;b&lt;&gt;&quot;&apos;&#10;&#x1F600; é</Key>
              <Blank> </Blank><None/><None />
              <Data><![CDATA[<&>]]></Data>
            </s3:List>

            """
        let expected: [XMLReader.Event] = [
            .start("List"), .start("Key"), .text("a&b<>\"'\n😀 é"), .end("Key"), .start("Blank"), .text(" "), .end("Blank"), .start("None"), .end("None"),
            .start("None"), .end("None"), .start("Data"), .text("<&>"), .end("Data"), .end("List"),
        ]
        #expect(try Self.events(text) == expected)
    }

    @Test(arguments: [
        "", "  ", "text", "<a>", "<a></b>", "<a></a><b/>", "<a></a>text", "<a", "<a b=\"", "<a/", "</a>", "<a><", "<a>&nbsp;</a>", "<a>&#0;</a>",
        "<a>&#xD800;</a>", "<a>&amp</a>", "<a>&#+65;</a>", "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", "<a><!-- </a>", "<a><![CDATA[ </a>", "<a></a",
        String(repeating: "<a>", count: 17), "<a>\(String(repeating: "x", count: 70_000))</a>", "< a/>", "<a><?pi </a>",
    ])
    func whatIsNoXMLIsRefused(text: String) {
        #expect(throws: XMLError.self) { try Self.events(text) }
    }

    @Test func everyCutAndFlipEndsWithEventsOrAnError() throws {
        let text = Array("<?xml version=\"1.0\"?><L a=\"b\"><C><K>x&amp;y</K><S>1</S></C><!--c--><E/><D><![CDATA[z]]></D></L>".utf8)
        let random = SeededRandomSource(seed: 7)
        for length in 0..<text.count { _ = try? Self.events(String(decoding: text[..<length], as: UTF8.self)) }
        for _ in 0..<5000 {
            var damaged = text
            for _ in 0...random.integer(below: 3) { damaged[random.integer(below: damaged.count)] = UInt8(random.integer(below: 256)) }
            var reader = XMLReader(Bytes(damaged))
            var count = 0
            while let event = try? reader.next() {
                count += 1
                if case .start = event, random.integer(below: 4) == 0 { _ = try? reader.textOfElement() }
                #expect(count < 1000)
            }
        }
    }
}
