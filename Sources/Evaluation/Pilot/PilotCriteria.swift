import Failures
import Foundation
import Yams

/// What a pilot is judged by, written down before it is run.
public struct PilotCriteria: Sendable, Codable, Equatable {
    /// Two limits: what is enough to adopt, and what is enough to adopt in stages.
    public struct Limits: Sendable, Codable, Equatable {
        public let adopt: Double
        public let stage: Double

        public init(adopt: Double, stage: Double) {
            self.adopt = adopt
            self.stage = stage
        }
    }

    /// Points of accuracy.
    public let gainOverBestBaseline: Limits
    public let gainOverLinearHead: Limits
    public let gainOverNoEquation: Limits
    /// Points of what zero-shot has right.
    public let negativeTransfer: Limits
    /// Points of expected calibration error.
    public let addedCalibrationError: Limits
    /// Points of accuracy.
    public let solverInconsistency: Limits
    public let batchMilliseconds: Limits
    /// MiB
    public let addedMemory: Limits
    public let pricePerMillionRows: Limits
    public let maintenanceHours: Limits
    public let rowsPerMonth: Double
    public let cores: Double
    /// Share of the cores' time that the service may fill, 0 to 1.
    public let utilisation: Double
    public let coreHour: Double
    public let workHour: Double
    public let expectedMaintenanceHours: Double
    public let trainingsPerMonth: Double

    enum CodingKeys: String, CodingKey, CaseIterable {
        case gainOverBestBaseline = "gain_over_best_baseline"
        case gainOverLinearHead = "gain_over_linear_head"
        case gainOverNoEquation = "gain_over_no_equation"
        case negativeTransfer = "negative_transfer"
        case addedCalibrationError = "added_calibration_error"
        case solverInconsistency = "solver_inconsistency"
        case batchMilliseconds = "batch_milliseconds"
        case addedMemory = "added_memory"
        case pricePerMillionRows = "price_per_million_rows"
        case maintenanceHours = "maintenance_hours"
        case rowsPerMonth = "rows_per_month"
        case cores, utilisation
        case coreHour = "core_hour"
        case workHour = "work_hour"
        case expectedMaintenanceHours = "expected_maintenance_hours"
        case trainingsPerMonth = "trainings_per_month"
    }

    /// Reads a criteria file; every key is needed and none may be unknown.
    ///
    /// - Throws: `not_found`, `configuration_invalid` naming file, line and key.
    public init(path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.notFound, "there is no criteria file at \(path): `sono pilot --sample` prints one.")
        }
        try self.init(yaml: String(decoding: data, as: UTF8.self), name: path)
    }

    public init(yaml: String, name: String) throws {
        do {
            guard let node = try Yams.compose(yaml: yaml), case .mapping(let mapping) = node else {
                throw Failure(.configurationInvalid, "\(name) is empty: `sono pilot --sample` prints a criteria file.")
            }
            let known = Set(CodingKeys.allCases.map(\.rawValue))
            for (key, _) in mapping where !known.contains(key.string ?? "") {
                throw Failure(
                    .configurationInvalid,
                    "\(name):\(key.mark?.line ?? 0): unknown key \(key.string ?? "?"): take it out.")
            }
            self = try YAMLDecoder().decode(PilotCriteria.self, from: node)
        } catch let failure as Failure {
            throw failure
        } catch let DecodingError.keyNotFound(key, context) {
            let place = (context.codingPath.map(\.stringValue) + [key.stringValue]).joined(separator: ".")
            throw Failure(.configurationInvalid, "\(name): the key \(place) is missing: add it.")
        } catch let DecodingError.typeMismatch(_, context) {
            let place = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw Failure(.configurationInvalid, "\(name): \(place) has another kind of value than it should have.")
        } catch {
            throw Failure(.configurationInvalid, "\(name) cannot be read as YAML.", cause: "\(error)")
        }
        let numbers = [
            rowsPerMonth, cores, utilisation, coreHour, workHour, expectedMaintenanceHours, trainingsPerMonth,
        ]
        guard numbers.allSatisfy({ $0.isFinite && $0 >= 0 }), cores > 0, (0.01...1).contains(utilisation) else {
            throw Failure(
                .configurationInvalid,
                "\(name): prices and amounts are 0 or more, cores above 0 and the utilisation from 0.01 to 1.")
        }
    }
}
