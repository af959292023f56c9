import Base
import Glibc
import Testing

@Suite struct SignalsTests {
    @Test func signalsComeOutOfTheStream() async throws {
        var signals = try Signals.watch([SIGUSR1, SIGUSR2]).makeAsyncIterator()
        for number in [SIGUSR2, SIGUSR1, SIGUSR2] {
            kill(getpid(), number)
            #expect(await signals.next() == number)
        }
    }
}
