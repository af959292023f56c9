@main
struct Levee {
    static func main() async {}
}
