import Failures

/// Conversion of stored integers (little-endian, any alignment) to Int64.
package enum IntegerElements {
    /// - Throws: `corrupt_safetensors` where a U64 does not fit Int64.
    package static func decode(_ bytes: UnsafeRawBufferPointer, _ entry: TensorEntry) throws -> [Int64] {
        switch entry.type {
        case .int64: return convert(bytes, Int64.self)
        case .int32: return convert(bytes, Int32.self)
        case .int16: return convert(bytes, Int16.self)
        case .int8: return convert(bytes, Int8.self)
        case .uint32: return convert(bytes, UInt32.self)
        case .uint16: return convert(bytes, UInt16.self)
        case .uint8: return convert(bytes, UInt8.self)
        case .uint64:
            let values = convert(bytes, Int64.self)
            if values.contains(where: { $0 < 0 }) {
                throw Failure(
                    .corruptSafetensors, "tensor \(entry.name) has numbers beyond 2^63: store it as I64.")
            }
            return values
        default:
            throw Failure(
                .corruptSafetensors,
                "tensor \(entry.name) is \(ForeignText.quoted(entry.typeName)): store it as an integer type.")
        }
    }

    private static func convert<I: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, _: I.Type) -> [Int64] {
        let size = MemoryLayout<I>.size
        return (0..<bytes.count / size).map { index in
            Int64(truncatingIfNeeded: I(littleEndian: bytes.loadUnaligned(fromByteOffset: index * size, as: I.self)))
        }
    }
}

extension IntegerElements {
    /// - Throws: `invalid_argument` where a number does not fit `type`, or `type` is no integer type.
    static func encode<I: FixedWidthInteger>(_ values: [I], _ type: ElementType) throws -> [UInt8] {
        switch type {
        case .int64: try store(values, Int64.self)
        case .int32: try store(values, Int32.self)
        case .int16: try store(values, Int16.self)
        case .int8: try store(values, Int8.self)
        case .uint64: try store(values, UInt64.self)
        case .uint32: try store(values, UInt32.self)
        case .uint16: try store(values, UInt16.self)
        case .uint8: try store(values, UInt8.self)
        default:
            throw Failure(.invalidArgument, "integers cannot be stored as \(type.rawValue): use an integer type.")
        }
    }

    private static func store<I: FixedWidthInteger, J: FixedWidthInteger>(
        _ values: [I], _: J.Type
    ) throws -> [UInt8] {
        let size = MemoryLayout<J>.size
        return try [UInt8](unsafeUninitializedCapacity: values.count * size) { buffer, filled in
            let target = UnsafeMutableRawBufferPointer(buffer)
            for (index, value) in values.enumerated() {
                guard let exact = J(exactly: value) else {
                    throw Failure(.invalidArgument, "\(value) does not fit \(J.self): use a wider type.")
                }
                target.storeBytes(of: exact.littleEndian, toByteOffset: index * size, as: J.self)
            }
            filled = values.count * size
        }
    }
}
