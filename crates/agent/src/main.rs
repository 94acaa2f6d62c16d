//! The resident's program.

fn main() -> std::process::ExitCode {
    musubi_agent::cli::main()
}
