import Crypto
import Foundation

/// The page for a person and the description for a program, as the program carries them.
///
/// They are written as plain files in Resources. The page's are put together into one document, so that what a browser
/// shows is of one version and nothing else has to be loaded.
public enum Page {
    /// OpenAPI 3.1, as JSON.
    public static let description = PackageResources.openapi_json

    /// The document, and the policy that lets a browser run and load just what is in it.
    public static let assembled: (html: String, contentPolicy: String) = {
        let style = text(PackageResources.page_css)
        let script = scripts.map(text).joined(separator: "\n")
        let html = text(PackageResources.page_html)
            .replacing("/* page.css */", with: style).replacing("/* page.js */", with: script)
        return (
            html,
            "default-src 'none'; connect-src 'self'; style-src '\(source(style))'; script-src '\(source(script))'; "
                + "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    }()

    /// In the order in which they rest on each other.
    private static let scripts = [
        PackageResources.elements_js, PackageResources.words_js, PackageResources.health_js,
        PackageResources.history_js, PackageResources.queue_js, PackageResources.jobs_js,
        PackageResources.distribution_js, PackageResources.page_js,
    ]

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func source(_ text: String) -> String {
        "sha256-\(Data(SHA256.hash(data: Data(text.utf8))).base64EncodedString())"
    }
}
