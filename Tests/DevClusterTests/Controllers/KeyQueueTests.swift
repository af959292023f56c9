import Base
import TestSupport
import Testing

@testable import DevCluster

@Test func aKeyIsWorkedOnByOneAndComesAgainWhenItWasAddedMeanwhile() async {
    let queue = KeyQueue<String>(clock: SystemClock())
    queue.add("a")
    queue.add("a")
    queue.add("b")
    #expect(await queue.next() == "a")
    queue.add("a")
    #expect(await queue.next() == "b")
    queue.done("a")
    #expect(await queue.next() == "a")
    queue.close()
    #expect(await queue.next() == nil)
}

@Test func ofSeveralDelaysTheShortestCounts() async {
    let queue = KeyQueue<String>(clock: SystemClock())
    queue.add("a", after: .seconds(60))
    queue.add("a", after: .milliseconds(10))
    queue.add("a", after: .seconds(30))
    #expect(await queue.next() == "a")
    queue.close()
}
