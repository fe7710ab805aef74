// swift-tools-version: 6.2
import PackageDescription

// One library per responsibility; imports run one way, from the top of this list to the bottom (see README, "How it works").
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
]

// What `sono --version` names. Not asked of git here: after every commit all that knows it would be compiled again.
let commit = Context.environment["SONO_COMMIT"] ?? "unknown"

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let grdbSQLite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.target(name: name), "TestSupport"] + dependencies,
        resources: resources,
        swiftSettings: strict)
}

let package = Package(
    name: "sono",
    products: [
        .executable(name: "sono", targets: ["sono"]),
        .library(name: "Dynamics", targets: ["Dynamics"]),
        .library(name: "Refinement", targets: ["Refinement"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    ],
    targets: [
        .target(name: "CBuild", cSettings: [.define("SONO_COMMIT", to: "\"\(commit)\"")]),
        .target(name: "CKernels"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CLinux"),
        library("Failures", []),
        library("Dynamics", ["CKernels", "Failures"]),
        library("TensorFiles", ["CKernels", "CZstd", "Failures", crypto]),
        library("EmbeddingSets", ["TensorFiles", "Failures"]),
        library("Refinement", ["Dynamics", "TensorFiles", "EmbeddingSets", "Failures"]),
        library("Training", ["Dynamics", "EmbeddingSets", "Refinement", "Failures"]),
        library(
            "Evaluation", ["Dynamics", "TensorFiles", "EmbeddingSets", "Refinement", "Training", "Failures", yams]),
        library("Spooling", ["CLinux", "Failures", crypto]),
        library("Accounting", ["Failures", grdb, grdbSQLite]),
        library(
            "Pipelines",
            [
                "CLinux", "Dynamics", "EmbeddingSets", "TensorFiles", "Refinement", "Spooling", "Accounting",
                "Failures",
                yams,
            ]),
        .target(
            name: "StatusPage", dependencies: [crypto], resources: [.embedInCode("Resources")], swiftSettings: strict),
        library(
            "Daemon",
            [
                "CLinux", "Pipelines", "Spooling", "Accounting", "TensorFiles", "StatusPage", "Failures", crypto,
                logging,
            ]),
        .executableTarget(
            name: "sono",
            dependencies: [
                "Daemon", "Pipelines", "Accounting", "Spooling", "Evaluation", "Training", "Refinement",
                "EmbeddingSets", "TensorFiles", "Dynamics", "CBuild", "CLinux", "Failures", argumentParser, crypto,
            ],
            resources: [.copy("Resources/debian-sections"), .copy("Resources/pilot-criteria.yaml")],
            swiftSettings: strict),
        .target(name: "TestSupport", dependencies: [grdb], path: "Tests/TestSupport", swiftSettings: strict),
        .executableTarget(
            name: "growth", dependencies: ["Accounting", "Failures", grdb], path: "Tests/Growth", swiftSettings: strict),
        .executableTarget(
            name: "example", dependencies: ["Dynamics", "Refinement"], path: "Tests/Example", swiftSettings: strict),
        tests("Dynamics", ["CKernels", "Failures"]),
        tests("TensorFiles", ["Failures"]),
        tests("EmbeddingSets", ["TensorFiles", "Failures"], resources: [.copy("Fixtures")]),
        tests("Refinement", ["Dynamics", "TensorFiles", "EmbeddingSets", "Failures"], resources: [.copy("Fixtures")]),
        tests(
            "Training", ["Dynamics", "EmbeddingSets", "Refinement", "Failures"], resources: [.copy("Fixtures")]),
        tests(
            "Evaluation", ["Dynamics", "Refinement", "Training", "EmbeddingSets", "Failures"],
            resources: [.copy("Fixtures")]),
        tests("Spooling", ["Failures"]),
        tests("Accounting", ["Failures", grdb]),
        tests(
            "Pipelines",
            ["Dynamics", "EmbeddingSets", "TensorFiles", "Refinement", "Spooling", "Accounting", "Failures", grdb]),
        tests(
            "Daemon",
            [
                "CLinux", "EmbeddingSets", "TensorFiles", "Refinement", "Pipelines", "Spooling", "Accounting",
                "Failures", grdb, logging,
            ]),
        .testTarget(
            name: "FuzzingTests",
            dependencies: ["TensorFiles", "EmbeddingSets", "Refinement", "Pipelines", "Failures", "TestSupport"],
            path: "Tests/Fuzzing", exclude: ["LibFuzzer", "README.md", "corpus.py", "fuzz", "words.dict"],
            resources: [.copy("Corpus")], swiftSettings: strict),
        .testTarget(
            name: "SystemTests",
            dependencies: ["sono", "example", "CLinux", "Failures", "TestSupport", "TensorFiles", grdb],
            swiftSettings: strict),
    ]
)
