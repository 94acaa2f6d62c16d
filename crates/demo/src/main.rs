//! The demo's binary.

fn main() -> std::process::ExitCode {
    musubi_demo::cli::main()
}
