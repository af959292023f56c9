import Testing

@testable import DevCluster

@Test(arguments: [
    ("/data", "/host/data"), ("/data/x/y", "/host/data/x/y"), ("/database", "/database"), ("--root=/data/x", "--root=/host/data/x"),
    ("file:///data/t", "file:///host/data/t"),
    ("/data/deep/z", "/host/deep/z"), ("a/data", "a/data"), ("", ""), ("--flag", "--flag"),
    (#"{"a":"file:///data/t","b":["/data/x",1],"/data":"c"}"#, #"{"a":"file:///host/data/t","b":["/host/data/x",1],"/data":"c"}"#), ("{/data", "{/data"),
])
func pathsOfTheContainerBecomePathsOfTheMachine(word: String, expected: String) {
    let paths = [(inside: "/data/deep", outside: "/host/deep"), (inside: "/data", outside: "/host/data")]
    #expect(ContainerCommand.located(word, paths) == expected)
}

@Test(arguments: [("$(A)", "1"), ("x$(A)y$(B)", "x1y2"), ("$(C)", "$(C)"), ("$$(A)", "$(A)"), ("$A", "$A"), ("$(A", "$(A"), ("100$", "100$")])
func variablesAreExpanded(text: String, expected: String) {
    #expect(ContainerCommand.expanded(text, ["A": "1", "B": "2"]) == expected)
}
