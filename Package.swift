// swift-tools-version: 6.2

import PackageDescription

// Dependencies point down only (docs/architecture.md has the picture): a target may import what stands above it in this file, never below.

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies + ["TestSupport"], swiftSettings: settings)
}

let package = Package(
    name: "levee",
    products: [.executable(name: "levee", targets: ["levee"])],
    targets: [
        .systemLibrary(name: "CZlib"),
        .systemLibrary(name: "CZstd"),
        .systemLibrary(name: "CSnappy"),
        .systemLibrary(name: "CDeflate"),
        .systemLibrary(name: "CLZ4"),
        .systemLibrary(name: "CBrotli"),
        .systemLibrary(name: "CYAML"),
        .systemLibrary(name: "COpenSSL"),
        .target(name: "CCurl", linkerSettings: [.linkedLibrary("curl")]),
        .target(name: "CLinux"),
        .target(name: "CMicroHTTPD", linkerSettings: [.linkedLibrary("microhttpd")]),
        .target(name: "CProcess"),
        .target(name: "CGnuTLS", linkerSettings: [.linkedLibrary("gnutls")]),

        .target(name: "CSystem"),
        library("Base", ["CYAML", "CSystem"]),
        library("HTTP", ["Base", "CCurl", "CLinux", "CMicroHTTPD"]),
        library("ObjectStore", ["Base", "HTTP", "CSystem", "COpenSSL"]),
        library("Columnar", ["Base"]),
        library("Parquet", ["Base", "Columnar", "ObjectStore", "CZlib", "CZstd", "CSnappy", "CDeflate", "CLZ4", "CBrotli"]),
        library("Expressions", ["Base", "Columnar"]),
        library("DeltaEngine", ["Base", "Columnar", "ObjectStore", "Parquet", "Expressions", "CZlib", "CZstd"]),
        library("Jobs", ["Base", "ObjectStore", "DeltaEngine"]),
        library("KubeClient", ["Base", "HTTP", "CProcess"]),
        library("Operator", ["Base", "HTTP", "ObjectStore", "KubeClient", "DeltaEngine", "Jobs"]),
        library("DevCluster", ["Base", "HTTP", "CGnuTLS", "CProcess", "KubeClient"]),
        .executableTarget(
            name: "levee",
            dependencies: [
                "Base", "HTTP", "ObjectStore", "Columnar", "Parquet", "Expressions", "DeltaEngine", "Jobs", "KubeClient", "Operator", "DevCluster",
            ],
            swiftSettings: settings,
            linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),

        // Levee's side of `make bench-parquet`.
        .executableTarget(
            name: "ParquetBench", dependencies: ["Base", "ObjectStore", "Columnar", "Parquet"], path: "bench/ParquetBench", swiftSettings: settings,
            linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),

        // Levee's side of `make bench-store`, and the server that it talks to.
        .executableTarget(
            name: "StoreBench", dependencies: ["Base", "HTTP", "ObjectStore"], path: "bench/StoreBench", swiftSettings: settings,
            linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),

        .target(name: "TestSupport", dependencies: ["Base"], path: "Tests/TestSupport", swiftSettings: settings),
        tests("BaseTests", ["Base"]),
        tests("HTTPTests", ["HTTP"]),
        tests("ObjectStoreTests", ["ObjectStore", "HTTP"]),
        tests("ColumnarTests", ["Columnar"]),
        tests("ParquetTests", ["Parquet", "ObjectStore"]),
        tests("ExpressionsTests", ["Expressions"]),
        tests("DeltaEngineTests", ["DeltaEngine"]),
        tests("JobsTests", ["Jobs"]),
        tests("KubeClientTests", ["KubeClient", "HTTP"]),
        tests("OperatorTests", ["Operator"]),
        tests("DevClusterTests", ["DevCluster", "KubeClient"]),
        tests("LeveeTests", ["levee"]),
    ]
)

// `make fuzz` builds this on its own, with everything instrumented.
if Context.environment["LEVEE_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "Fuzz", dependencies: ["Base", "ObjectStore", "Columnar", "Parquet", "DeltaEngine"], path: "Tests/Fuzz",
            swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])], linkerSettings: [.unsafeFlags(["-use-ld=lld"])]))
}
