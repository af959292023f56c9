/// `levee version`.
enum VersionCommand {
    static let command = Command(name: "version", summary: "print the program's version") { _, console in
        switch console.format {
        case .text: try console.print("levee \(Levee.version)\n")
        case .json: try console.print("{\"version\":\"\(Levee.version)\"}\n")
        }
    }
}
