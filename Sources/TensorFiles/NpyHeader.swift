import Failures

/// Parses and checks the header of a `.npy` file, versions 1 to 3.
///
/// The format (numpy.lib.format): `\x93NUMPY`, two version bytes, the header's length (2 bytes little-endian, 4 from
/// version 2 on), a Python dictionary `{'descr': '<f2', 'fortran_order': False, 'shape': (n, D), }` padded with spaces to a
/// newline, then the array. Accepted: two dimensions, C order, `<f2` or `<f4`. The one tensor is named `embeddings`.
package enum NpyHeader {
    package static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// - Parameter literal: the dictionary's text.
    /// - Parameter prefixBytes: bytes before it: 10 or 12.
    /// - Throws: `corrupt_npy`, `unsupported_format` with the remedy, or `too_large`.
    package static func parse(_ literal: [UInt8], prefixBytes: Int, path: String) throws -> TensorHeader {
        var scanner = LiteralScanner(literal)
        let dictionary: Dictionary
        do {
            dictionary = try scanner.dictionary()
        } catch let fault as LiteralScanner.Fault {
            throw Failure(
                .corruptNpy,
                "\(path): its npy header is damaged at byte \(prefixBytes + fault.offset) "
                    + "(\(fault.message)): write it again with numpy.save.")
        }
        let type = try elementType(dictionary.descr, path)
        if dictionary.fortranOrder {
            throw unsupported(path, "stands in Fortran order", "np.save(path, np.ascontiguousarray(a))")
        }
        let shape = dictionary.shape
        guard shape.count == 2 else {
            throw unsupported(
                path, "has \(shape.count) dimensions, not rows by columns", "np.save(path, a.reshape(len(a), -1))")
        }
        guard let bytes = TensorHeader.byteCount(shape, size: type.size) else {
            throw Failure(.tooLarge, "\(path): its shape \(shape) overflows: write it again with numpy.save.")
        }
        return TensorHeader(
            format: .npy,
            entries: [TensorEntry(name: "embeddings", type: type, shape: shape, span: 0..<bytes)],
            headerBytes: prefixBytes + literal.count)
    }

    struct Dictionary {
        /// Nil for a structured type, which is a list and not a string.
        var descr: String?
        var fortranOrder: Bool
        var shape: [Int]
    }

    private static func elementType(_ descr: String?, _ path: String) throws -> ElementType {
        switch descr {
        case "<f2": return .float16
        case "<f4": return .float32
        case "|O":
            throw unsupported(path, "holds Python objects", "np.save(path, np.stack(a).astype(np.float32))")
        case nil:
            throw unsupported(path, "holds records", "np.save(path, a['FIELD'].astype(np.float32))")
        case let other?:
            let type = ForeignText.quoted(other)
            let what =
                other.hasPrefix(">") ? "is big-endian (\(type))" : "has element type \(type), not float16 or float32"
            throw unsupported(path, what, "np.save(path, a.astype('<f4'))")
        }
    }

    private static func unsupported(_ path: String, _ what: String, _ python: String) -> Failure {
        Failure(.unsupportedFormat, "\(path) \(what): convert it in Python with `\(python)`.")
    }
}
