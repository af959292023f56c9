import Testing

@testable import Operator

@Suite struct NamesTests {
    @Test(arguments: ["orders", "a", String(repeating: "x", count: 253), "sales.eu-west." + String(repeating: "y.", count: 60) + "z"])
    func namesFitWhatKubernetesTakes(table: String) {
        let operation = Names.operation(table: table, tableUID: "6a1e", task: .optimize, run: 1_000_000)
        let job = Names.job(operation: operation, uid: "90c3")
        for name in [operation, job, Names.labelValue(table)] {
            #expect(name.utf8.count <= 63)
            #expect(name.first?.isLetter == true && (name.last?.isLetter == true || name.last?.isNumber == true))
        }
    }

    @Test func namesAreStableAndTheirOwn() {
        #expect(
            Names.operation(table: "orders", tableUID: "1", task: .vacuum, run: 3) == Names.operation(table: "orders", tableUID: "1", task: .vacuum, run: 3))
        #expect(Names.shortHash("", length: 5) == Names.shortHash("", length: 5))
        let names = (0..<5000).map { Names.shortHash("uid-\($0)", length: 8) }
        #expect(Set(names).count == names.count)
        #expect(Names.labelValue("orders") == "orders")
        #expect(Names.labelValue(String(repeating: "x", count: 64)) != Names.labelValue(String(repeating: "x", count: 65)))
    }
}
