import Testing

@testable import levee

@Test func tableAlignsColumnsAndDropsTrailingBlanks() {
    var table = TextTable([.init("NAME"), .init("SIZE", .right), .init("NOTE")])
    table.add(["a", "1", ""])
    table.add(["long name", "1000", "x"])
    #expect(table.render() == "NAME       SIZE  NOTE\na             1\nlong name  1000  x\n")
}

@Test func tableGivesWayInTheWidestColumn() {
    var table = TextTable([.init("ID"), .init("TEXT")])
    table.add(["1", "a sentence that does not fit"])
    #expect(table.render(width: 16) == "ID  TEXT\n1   a sentence …\n")
}

@Test func controlCharactersAndWideOnesDoNotBreakLines() {
    var table = TextTable([.init("A"), .init("B")])
    table.add(["x\ny\u{1B}[31m", "1"])
    table.add(["日本", "2"])
    #expect(table.render() == "A               B\nx\\ny\\u{1b}[31m  1\n日本            2\n")
}
