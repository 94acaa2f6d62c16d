//! The card program as a process that tests can start. The same entry as `musubi-agent`.

fn main() -> std::process::ExitCode {
    musubi_agent::cli::main()
}
