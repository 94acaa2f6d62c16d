//! The operator's binary.

fn main() -> std::process::ExitCode {
    musubi_server::cli::main()
}
