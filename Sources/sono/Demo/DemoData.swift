/// The embedding sets that travel with the program.
struct DemoData {
    let folder: String

    var support: String { "\(folder)/support.safetensors.zst" }
    var validation: String { "\(folder)/validation.safetensors.zst" }
    var prompts: String { "\(folder)/prompts.safetensors.zst" }
    var test: String { "\(folder)/test.safetensors.zst" }

    static func find() throws -> DemoData {
        DemoData(folder: try Resource.path("debian-sections"))
    }
}
