//! Generates the protocol's types. protox reads the .proto files, so no protoc is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../../protos/amira/asr/v1");
    let files = protox::compile(["amira/asr/v1/speech.proto"], ["../../protos"])?;
    tonic_prost_build::configure().build_server(false).compile_fds(files)?;
    Ok(())
}
