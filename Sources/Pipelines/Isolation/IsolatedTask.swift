import Dynamics
import Foundation
import TensorFiles

/// What a process of its own is to do with one file: all that it needs to know, for it reads no configuration.
package struct IsolatedTask: Codable, Sendable {
    package enum Work: Codable, Sendable {
        /// The first pass: hash and validate.
        case inspect
        /// Steps 4 and 5: decode, refine, classify, and write the refined vectors.
        case compute(Computation)
    }

    package struct Computation: Codable, Sendable {
        /// The kept copy of the model.
        let model: String
        let solver: Solver
        let steps: Int
        let topK: Int
        /// As the first pass counted them.
        let rows: Int
        let features: FeatureFile.Plan?
    }

    let path: String
    /// What messages call the file.
    let name: String
    let limits: FileLimits
    /// Private memory that the process may have, in bytes.
    let memory: Int
    /// The process that asks: when it is gone, nobody waits for the answer.
    var parent = ProcessInfo.processInfo.processIdentifier
    let work: Work

    package init(path: String, name: String, limits: FileLimits, memory: Int, work: Work) {
        self.path = path
        self.name = name
        self.limits = limits
        self.memory = memory
        self.work = work
    }

    /// The most bytes that an answer may have: what a batch within the limits comes to, and words.
    var answerBytes: Int {
        // What a file says of itself comes back, escaped.
        let header = (1 << 20) + 8 * limits.headerBytes
        guard case .compute(let computation) = work else { return header }
        return header + computation.rows * IsolatedAnswer.bytesPerRow(topK: computation.topK) + limits.idBytes
    }
}
