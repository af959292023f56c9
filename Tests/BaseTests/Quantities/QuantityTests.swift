import Base
import Testing

@Suite struct QuantityTests {
    @Test(arguments: [
        ("0", Int64(0)), ("1", 1), ("256Mi", 256 << 20), ("100Gi", 100 << 30), ("2Ti", 2 << 40), ("1Ei", 1 << 60), ("8Ei", .max), ("1k", 1000),
        ("1.5G", 1_500_000_000), ("100m", 1),
        ("1500m", 2), ("-1500m", -1), ("1e3", 1000), ("1E3", 1000), ("1E", 1_000_000_000_000_000_000), ("1.5e-1", 1), ("0.5Ki", 512), (".5Ki", 512), ("5.", 5),
        ("+5", 5), ("1n", 1), ("1u", 1),
        ("99999999999E", .max), ("-100E", .min), ("0.000000000000000001", 1),
    ])
    func reads(text: String, value: Int64) {
        #expect(Quantity(text)?.value == value)
        #expect(Quantity(text)?.description == text)
    }

    @Test(arguments: [
        "", "Mi", "1 Mi", "1mi", "1KB", "1.2.3", "--1", "1e", "1e1.5", "1e999", "0x10", "1Mi ", ".", "-", "1,5", "９", "1000000000000000000000000000000000000",
    ])
    func refuses(text: String) {
        #expect(Quantity(text) == nil)
    }

    @Test func comparesAmounts() throws {
        #expect(Quantity("1Gi") == Quantity("1024Mi"))
        #expect(Quantity("1000m")?.hashValue == Quantity("1")?.hashValue)
        #expect(try #require(Quantity("999Mi")) < #require(Quantity("1Gi")))
        #expect(Quantity("250m")?.milliValue == 250)
        #expect(Quantity(bytes: 256 << 20).description == "256Mi")
        #expect(Quantity(bytes: 1000).description == "1000")
        #expect(Quantity(bytes: 0).description == "0")
        #expect(try JSON.decode([Quantity].self, from: "[\"1Ki\", 1024]") == [Quantity(bytes: 1024), Quantity(bytes: 1024)])
        #expect(throws: JSONError.unexpectedShape(path: "[0]", reason: "`big` is not a quantity like 256Mi")) {
            try JSON.decode([Quantity].self, from: "[\"big\"]")
        }
    }

    @Test(arguments: [
        (Int64(0), "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (12_897_484, "12.3 MiB"), (1_048_575, "1.0 MiB"), (-2048, "-2.0 KiB"), (.max, "8.0 EiB"),
        (.min, "-8.0 EiB"),
    ])
    func formatsBytes(bytes: Int64, text: String) {
        #expect(bytes.formattedBytes == text)
    }
}

@Suite struct KubernetesDurationTests {
    @Test(arguments: [
        ("168h", Duration.seconds(168 * 3600), "168h"), ("30m", .seconds(1800), "30m"), ("1h30m", .seconds(5400), "1h30m"), ("90s", .seconds(90), "1m30s"),
        ("1.5s", .milliseconds(1500), "1.5s"),
        ("250ms", .milliseconds(250), "250ms"), ("1.5ms", .microseconds(1500), "1.5ms"), ("3us", .microseconds(3), "3µs"), ("7ns", .nanoseconds(7), "7ns"),
        ("0", .zero, "0s"), ("0s", .zero, "0s"),
        ("-1h", .seconds(-3600), "-1h"), ("7d", .seconds(7 * 86_400), "168h"), ("1h0m0.05s", .milliseconds(3_600_050), "1h0.05s"), (".5m", .seconds(30), "30s"),
    ])
    func readsAndFormats(text: String, duration: Duration, formatted: String) {
        #expect(Duration(kubernetes: text) == duration)
        #expect(duration.formatted == formatted)
        #expect(Duration(kubernetes: formatted) == duration)
    }

    @Test(arguments: ["", "h", "1", "1x", "1h 30m", "1hh", "-", ".", ".s", "1..5s", "300000000h", "99999999999999999999999999999h", "1w", "１h"])
    func refuses(text: String) {
        #expect(Duration(kubernetes: text) == nil)
    }
}
